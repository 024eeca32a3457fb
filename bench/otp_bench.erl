%% The same work on Erlang/OTP, for comparison: one family, as coppice-bench does it.
%%
%%   erl +S 1 +P 2000000 -noinput -pa DIRECTORY -run otp_bench main FAMILY REPETITIONS IN_A_ROW \
%%       WARM_UPS [SIZE]
%%
%% IN_A_ROW is how many restarts the family `endless` counts; the others take no notice of it.
%% WARM_UPS is how many repetitions come before those that are printed. SIZE is that of a workload
%% of otp_workloads, where it is another one than usual.
%%
%% Prints "row <tab> otp <tab> repetition <tab> value" lines. A crash is exit(crash), which logs
%% nothing, and logging is off; children are plain spawn_link. The supervisor remembers every
%% restart within its period, of a second at least, and walks that list at each restart: so counts
%% of restarts are kept low here, in favour of OTP; but for `endless` and `killed`, which show it.
-module(otp_bench).
-behaviour(supervisor).
-export([main/1, init/1, start/1, once/0, wait/1, victim/1, handle_call/3, handle_cast/2]).
-export([now_ns/0, in_process/1, until/2]).  % for otp_workloads

-define(MANY, 100000).
-define(MASS, 5000).

main([Family, Repetitions, InARow, WarmUps]) ->
    measure(Family, family(Family, list_to_integer(InARow)), Repetitions, WarmUps);
main([Family, Repetitions, _, WarmUps, Size]) ->
    measure(Family, otp_workloads:family(Family, list_to_integer(Size)), Repetitions, WarmUps).

measure(Family, Measure, Repetitions, WarmUps) ->
    logger:set_primary_config(level, none),
    process_flag(trap_exit, true),
    case catch run(Measure, list_to_integer(Repetitions), list_to_integer(WarmUps)) of
        ok -> halt(0);
        Other -> io:format(standard_error, "otp_bench: ~s: ~p~n", [Family, Other]), halt(1)
    end.

run(Measure, Repetitions, WarmUps) ->
    lists:foreach(
      fun(Repetition) ->
              Rows = Measure(),
              [io:format("~s\totp\t~b\t~.3f~n", [Row, Repetition, float(Value)])
               || {Row, Value} <- Rows, Repetition > 0],
              erlang:garbage_collect()
      end, lists:seq(1 - WarmUps, Repetitions)).

family("endless", InARow) ->
    fun() ->
            Crash = restart_each(crash, 1, InARow, 1),
            [{"endless.throw", Crash}, {"endless.exit", Crash}]
    end;
family(Family, _) -> family(Family).

family("spawn") ->
    fun() ->
            Each = spawn_each(),
            [{"spawn.default", Each}, {"spawn.within", Each}, {"spawn.supervised", supervised_each()}]
    end;
family("task") ->
    fun() -> [{"task.spawn", spawn_each()}] end;
family("restart") ->
    fun() ->
            Crash = restart_each(crash, 1, 200, 20),
            [{"restart.return", restart_each(normal, 1, 200, 20)},
             {"restart.throw", Crash}, {"restart.exit", Crash}]
    end;
family("fresh") ->
    fun() ->
            Crash = restart_each(crash, 1, 100, 100),
            [{Row, Crash}
             || Row <- ["fresh.throw", "fresh.exit", "fresh.throw.task", "fresh.exit.task"]]
    end;
family("siblings") ->
    fun() ->
            lists:append([begin
                              Crash = restart_each(crash, Siblings, Restarts, Times),
                              Return = restart_each(normal, Siblings, Restarts, Times),
                              [{"siblings.return." ++ integer_to_list(Siblings), Return},
                               {"siblings.throw." ++ integer_to_list(Siblings), Crash},
                               {"siblings.exit." ++ integer_to_list(Siblings), Crash}]
                          end || {Siblings, Restarts, Times} <- [{1, 200, 20}, {1000, 200, 5},
                                                                 {?MANY, 100, 1}]])
    end;
family("group") -> fun() -> [{"group.1000", group_each(1000, 20)}] end;
family("many") ->
    fun() ->
            {Start, Kill} = many(brutal_kill),
            {_, Shutdown} = many(5000),
            [{"many.start", Start}, {"many.start.task", Start}, {"many.stop.kill", Kill},
             {"many.stop.shutdown", Shutdown}, {"many.stop.shutdown.task", Shutdown}]
    end;
family("mass") ->
    fun() -> [{"mass.return", mass(normal)}, {"mass.throw", mass(crash)}] end;
family("killed.one_for_one." ++ Size = Row) -> killed(Row, fun one_for_one/2, Size);
family("killed.dynamic." ++ Size = Row) -> killed(Row, fun dynamic/2, Size);
family("memory") ->
    fun() -> [{"memory.default", bytes()}, {"memory.supervised", supervised_bytes()}] end;
family("message") ->
    fun() ->
            [{"message.round_trip", round_trip(50000)}, {"message.one_way", one_way(2000, 100)},
             {"message.yield", yield(200000)}]
    end;
family("server") ->
    fun() ->
            Call = call(50000),
            [{"server.call", Call}, {"server.cast", cast(2000, 100)}, {"server.task_call", Call}]
    end;
family("storm") ->
    fun() -> [{"storm.calm", p99(calm)}, {"storm.crash", p99(crash)}] end;
family(Published) -> otp_workloads:family(Published).

%% ---- Supervisors and their children

init(Spec) -> {ok, Spec}.  % also that of the server, whose state it is

supervise(Strategy, Children) ->
    {ok, Supervisor} =
        supervisor:start_link(?MODULE, {#{strategy => Strategy, intensity => 1000000, period => 1},
                                        Children}),
    Supervisor.

child(Id, Fun, Shutdown) ->
    #{id => Id, start => {?MODULE, start, [Fun]}, restart => permanent, shutdown => Shutdown}.

start(Fun) -> {ok, spawn_link(Fun)}.
once() -> {ok, spawn_link(fun() -> ok end)}.

stop(Supervisor) ->
    exit(Supervisor, shutdown),
    receive {'EXIT', Supervisor, shutdown} -> ok end.

now_ns() -> erlang:monotonic_time(nanosecond).
for_ever() -> receive never -> ok end.
wait(Counter) -> counters:add(Counter, 1, 1), receive never -> ok after 86400000 -> ok end.

waiting(Counter) -> fun() -> wait(Counter) end.

until(Counter, Wanted) ->
    case counters:get(Counter, 1) of
        Wanted -> ok;
        Less when Less < Wanted -> erlang:yield(), until(Counter, Wanted)
    end.

%% ---- What is measured

spawn_each() ->
    Begin = now_ns(),
    [begin
         Monitors = [element(2, spawn_monitor(fun() -> ok end)) || _ <- lists:seq(1, 1000)],
         [receive {'DOWN', M, process, _, normal} -> ok end || M <- Monitors]
     end || _ <- lists:seq(1, 100)],
    (now_ns() - Begin) / 100000.

supervised_each() ->
    Supervisor = supervise(simple_one_for_one,
                           [#{id => once, start => {?MODULE, once, []}, restart => temporary}]),
    Begin = now_ns(),
    [{ok, _} = supervisor:start_child(Supervisor, []) || _ <- lists:seq(1, 20000)],
    Time = now_ns() - Begin,
    stop(Supervisor),
    Time / 20000.

%% The middle child ends again and again; the first start and the last one tell the time.
restart_time(Reason, Siblings, Restarts) ->
    Main = self(),
    Starts = counters:new(1, []),
    Running = counters:new(1, []),
    Crashing = fun() ->
                       case counters:get(Starts, 1) of
                           0 -> until(Running, Siblings), Main ! {first, now_ns()};
                           Restarts -> Main ! {last, now_ns()}, for_ever();
                           _ -> ok
                       end,
                       counters:add(Starts, 1, 1),
                       exit(Reason)
               end,
    Children = [case I =:= Siblings div 2 of
                    true -> child(I, Crashing, 5000);
                    false -> child(I, waiting(Running), brutal_kill)
                end || I <- lists:seq(0, Siblings)],
    Supervisor = supervise(one_for_one, Children),
    First = receive {first, F} -> F end,
    Last = receive {last, L} -> L end,
    Siblings = counters:get(Running, 1),
    stop(Supervisor),
    Last - First.

restart_each(Reason, Siblings, Restarts, Times) ->
    lists:sum([restart_time(Reason, Siblings, Restarts) || _ <- lists:seq(1, Times)])
        / (Restarts * Times).

group_each(Members, Rounds) ->
    Main = self(),
    Starts = counters:new(1, []),
    Runs = counters:new(1, []),
    Last = fun() ->
                   case counters:get(Starts, 1) of
                       0 -> Main ! {first, now_ns()};
                       Rounds -> Main ! {last, now_ns()}, for_ever();
                       _ -> ok
                   end,
                   counters:add(Starts, 1, 1)
           end,
    Waiting = [child(I, waiting(Runs), brutal_kill) || I <- lists:seq(2, Members)],
    Supervisor = supervise(one_for_all, Waiting ++ [child(last, Last, brutal_kill)]),
    Begin = receive {first, F} -> F end,
    End = receive {last, L} -> L end,
    until(Runs, (Members - 1) * (Rounds + 1)),
    stop(Supervisor),
    (End - Begin) / (Members * Rounds).

many(Shutdown) ->
    Running = counters:new(1, []),
    Begin = now_ns(),
    Supervisor = supervise(one_for_one, [child(I, waiting(Running), Shutdown)
                                         || I <- lists:seq(1, ?MANY)]),
    until(Running, ?MANY),
    Started = now_ns(),
    stop(Supervisor),
    {(Started - Begin) / ?MANY, (now_ns() - Started) / ?MANY}.

mass(Reason) ->
    Running = counters:new(1, []),
    Crashing = fun() ->
                       counters:add(Running, 1, 1),
                       receive crash -> exit(Reason) end
               end,
    Supervisor = supervise(one_for_one, [child(I, Crashing, brutal_kill)
                                         || I <- lists:seq(1, ?MASS)]),
    until(Running, ?MASS),
    Pids = [Pid || {_, Pid, _, _} <- supervisor:which_children(Supervisor)],
    Begin = now_ns(),
    [Pid ! crash || Pid <- Pids],
    until(Running, 2 * ?MASS),
    Time = now_ns() - Begin,
    stop(Supervisor),
    Time / ?MASS.

victim(Running) -> {ok, spawn_link(waiting(Running))}.

one_for_one(Running, Size) ->
    supervise(one_for_one, [child(I, waiting(Running), brutal_kill) || I <- lists:seq(1, Size)]).

dynamic(Running, Size) ->
    Template = #{id => victim, start => {?MODULE, victim, [Running]}, restart => permanent,
                 shutdown => brutal_kill},
    Supervisor = supervise(simple_one_for_one, [Template]),
    [{ok, _} = supervisor:start_child(Supervisor, []) || _ <- lists:seq(1, Size)],
    Supervisor.

kill_all(Supervise, Size) ->
    Running = counters:new(1, []),
    Supervisor = Supervise(Running, Size),
    until(Running, Size),
    Pids = [Pid || {_, Pid, _, _} <- supervisor:which_children(Supervisor)],
    Size = length(Pids),
    Begin = now_ns(),
    [exit(Pid, kill) || Pid <- Pids],
    until(Running, 2 * Size),
    Time = now_ns() - Begin,
    [false, false] = [is_process_alive(P) || P <- [hd(Pids), lists:last(Pids)]],
    stop(Supervisor),
    Time / Size.

killed(Row, Supervise, Text) ->
    Size = list_to_integer(Text),
    Times = max(1, 5000 div Size),
    fun() ->
            [{Row, lists:sum([kill_all(Supervise, Size) || _ <- lists:seq(1, Times)]) / Times}]
    end.

bytes() ->
    Running = counters:new(1, []),
    erlang:garbage_collect(),
    Before = erlang:memory(total),
    Pids = [spawn(waiting(Running)) || _ <- lists:seq(1, ?MANY)],
    until(Running, ?MANY),
    After = erlang:memory(total),
    [exit(Pid, kill) || Pid <- Pids],
    (After - Before) / ?MANY.

supervised_bytes() ->
    Running = counters:new(1, []),
    erlang:garbage_collect(),
    Before = erlang:memory(total),
    Supervisor = supervise(one_for_one, [child(I, waiting(Running), brutal_kill)
                                         || I <- lists:seq(1, ?MANY)]),
    until(Running, ?MANY),
    erlang:garbage_collect(Supervisor),
    erlang:garbage_collect(),
    After = erlang:memory(total),
    stop(Supervisor),
    (After - Before) / ?MANY.

answer() -> receive {From, N} -> From ! N + 1, answer() end.

trip(Pid, N) -> Pid ! {self(), N}, receive Answer -> Answer = N + 1 end.

%% In a process of its own: the main one has other messages to look past.
in_process(Fun) ->
    Main = self(),
    Pid = spawn_link(fun() -> Main ! {result, Fun()} end),
    Result = receive {result, R} -> R end,
    receive {'EXIT', Pid, normal} -> Result end.

round_trip(Trips) ->
    in_process(fun() ->
                       Pid = spawn_link(fun answer/0),
                       Begin = now_ns(),
                       [trip(Pid, N) || N <- lists:seq(1, Trips)],
                       (now_ns() - Begin) / Trips
               end).

take(_, 0, Sum) -> Sum;
take(From, Left, Sum) -> receive {From, N} -> take(From, Left - 1, Sum + N) end.

take_bursts(From, Size) -> From ! {sum, take(From, Size, 0)}, take_bursts(From, Size).

one_way(Bursts, Size) ->
    in_process(fun() ->
                       Self = self(),
                       Pid = spawn_link(fun() -> take_bursts(Self, Size) end),
                       Sum = Size * (Size + 1) div 2,
                       Begin = now_ns(),
                       [begin
                            [Pid ! {Self, N} || N <- lists:seq(1, Size)],
                            receive {sum, Sum} -> ok end
                        end || _ <- lists:seq(1, Bursts)],
                       (now_ns() - Begin) / (Bursts * Size)
               end).

%% ---- A gen_server

handle_call({successor, N}, _, Sum) -> {reply, N + 1, Sum};
handle_call(sum, _, Sum) -> {reply, Sum, 0}.

handle_cast({add, N}, Sum) -> {noreply, Sum + N}.

call(Trips) ->
    in_process(fun() ->
                       {ok, Server} = gen_server:start_link(?MODULE, 0, []),
                       Begin = now_ns(),
                       [begin
                            Answer = gen_server:call(Server, {successor, N}, infinity),
                            Answer = N + 1
                        end || N <- lists:seq(1, Trips)],
                       Time = now_ns() - Begin,
                       gen_server:stop(Server),
                       Time / Trips
               end).

cast(Bursts, Size) ->
    in_process(fun() ->
                       {ok, Server} = gen_server:start_link(?MODULE, 0, []),
                       Sum = Size * (Size + 1) div 2,
                       Begin = now_ns(),
                       [begin
                            [gen_server:cast(Server, {add, N}) || N <- lists:seq(1, Size)],
                            Sum = gen_server:call(Server, sum, infinity)
                        end || _ <- lists:seq(1, Bursts)],
                       Time = now_ns() - Begin,
                       gen_server:stop(Server),
                       Time / (Bursts * Size)
               end).

yield(Turns) ->
    in_process(fun() ->
                       Begin = now_ns(),
                       [erlang:yield() || _ <- lists:seq(1, Turns)],
                       (now_ns() - Begin) / Turns
               end).

p99(Weather) ->
    Main = self(),
    Crashes = counters:new(1, []),
    Third = fun() when Weather =:= calm -> for_ever();
               () -> counters:add(Crashes, 1, 1), exit(crash)
            end,
    Trips = 20000,
    Ask = fun() ->
                  Pid = spawn_link(fun answer/0),
                  Times = [begin
                               Begin = now_ns(),
                               trip(Pid, N),
                               now_ns() - Begin
                           end || N <- lists:seq(1, Trips)],
                  Main ! {times, Times},
                  for_ever()
          end,
    Supervisor = supervise(one_for_one, [child(third, Third, brutal_kill),
                                         child(ask, Ask, brutal_kill)]),
    Times = receive {times, T} -> T end,
    Crashed = counters:get(Crashes, 1),
    Weather = case Crashed >= 1000 of true -> crash; false -> calm end,
    stop(Supervisor),
    lists:nth(Trips * 99 div 100 + 1, lists:sort(Times)).
