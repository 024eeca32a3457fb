%% Measures on Erlang/OTP, for otp_bench, the workloads that others publish, as coppice-bench does.
%% Awaitables and tasks are compared with the same run.
-module(otp_workloads).
-behaviour(supervisor).
-export([family/1, family/2, init/1, start_branch/3, start_leaf/1]).

-import(otp_bench, [now_ns/0, in_process/1, until/2, wait/1]).

%% Of the usual size, that of the tables.
family("skynet" = Family) -> family(Family, 1000000);
family("ring" = Family) -> family(Family, 503);
family("big" = Family) -> family(Family, 120);
family("hackbench" = Family) -> family(Family, 10);
family("sleepers" = Family) -> family(Family, 1000000);
family("supervision_heavy") ->
    fun() ->
            lists:append([kinds(io_lib:format("supervision_heavy.~bx~b", [Depth, Breadth]),
                                trees(Depth, Breadth, Times))
                          || {Depth, Breadth, Times} <- [{3, 10, 10}, {5, 5, 3}, {10, 2, 5}]])
    end.

family("skynet", Leaves) ->
    fun() -> kinds("skynet", in_process(fun() -> skynet(Leaves) end)) end;
family("ring", Members) ->
    fun() -> kinds("ring", in_process(fun() -> ring(Members, 500000) end)) end;
family("big", Players) ->
    fun() -> kinds("big", in_process(fun() -> big(Players, 120000 div Players) end)) end;
family("hackbench", Groups) ->
    fun() ->
            kinds("hackbench.ehb", in_process(fun() -> ehb(Groups, 20, 200) end))
                ++ kinds("hackbench.bang", in_process(fun() -> bang(20 * Groups, 1000) end))
    end;
family("sleepers", Number) ->
    fun() ->
            {Memory, Time} = sleepers(Number, max(1, 3 * Number div 1000)),
            kinds("sleepers.memory", Memory) ++ kinds("sleepers.time", Time)
    end;
family("supervision_heavy", Workers) ->
    fun() ->
            kinds("supervision_heavy", trees(depth(Workers), 10, max(1, 10000 div Workers)))
    end.

%% That of a tree of so many workers, ten to each supervisor.
depth(1) -> 0;
depth(Workers) when Workers rem 10 =:= 0 -> 1 + depth(Workers div 10).

kinds(Row, Value) -> [{[Row, ".awaitable"], Value}, {[Row, ".task"], Value}].

%% ---- Skynet

skynet(Leaves) ->
    Self = self(),
    Begin = now_ns(),
    spawn(fun() -> node(Self, 0, Leaves) end),
    Sum = receive N -> N end,
    Time = now_ns() - Begin,
    Sum = Leaves * (Leaves - 1) div 2,
    Time / ((Leaves * 10 - 1) div 9).

node(Parent, First, 1) -> Parent ! First;
node(Parent, First, Count) ->
    Self = self(),
    Each = Count div 10,
    [spawn(fun() -> node(Self, First + I * Each, Each) end) || I <- lists:seq(0, 9)],
    Parent ! sum(10, 0).

sum(0, Sum) -> Sum;
sum(Left, Sum) -> receive N -> sum(Left - 1, Sum + N) end.

%% ---- A ring

ring(Members, Hops) ->
    Self = self(),
    First = spawn_link(fun() -> receive {next, Next} -> member(1, Next, Self) end end),
    Second = lists:foldl(fun(Id, Next) -> spawn_link(fun() -> member(Id, Next, Self) end) end,
                         First, lists:seq(Members, 2, -1)),
    First ! {next, Second},
    Begin = now_ns(),
    First ! Hops,
    Last = receive {last, Id} -> Id end,
    Time = now_ns() - Begin,
    Last = Hops rem Members + 1,
    First ! stop,
    Time / Hops.

member(Id, Next, Main) ->
    receive
        stop -> Next ! stop;
        0 -> Main ! {last, Id}, member(Id, Next, Main);
        Left -> Next ! Left - 1, member(Id, Next, Main)
    end.

%% ---- Big

big(Players, Pings) ->
    Self = self(),
    Pids = [spawn_link(fun() ->
                               receive {all, All} -> play(All, Me, Me, Pings, Self) end
                       end) || Me <- lists:seq(1, Players)],
    All = list_to_tuple(Pids),
    Begin = now_ns(),
    [Pid ! {all, All} || Pid <- Pids],
    [receive {done, Me} -> ok end || Me <- lists:seq(1, Players)],
    [Pid ! stop || Pid <- Pids],
    Answers = [receive {answers, Me, N} -> N end || Me <- lists:seq(1, Players)],
    Time = now_ns() - Begin,
    Trips = Players * Pings,
    Trips = lists:sum(Answers),
    Time / Trips.

%% The random numbers are those of std::minstd_rand.
play(All, Me, Seed, Pings, Main) -> play(All, Me, Seed, Pings, Main, 0).

play(All, Me, _, 0, Main, Answers) ->
    Main ! {done, Me},
    Main ! {answers, Me, rest(All, Me, Answers)};
play(All, Me, Seed, Left, Main, Answers) ->
    Random = Seed * 48271 rem 2147483647,
    Other = case Random rem (tuple_size(All) - 1) + 1 of
                N when N >= Me -> N + 1;
                N -> N
            end,
    element(Other, All) ! {ping, Me},
    play(All, Me, Random, Left - 1, Main, pong(All, Me, Other, Answers)).

pong(All, Me, Other, Answers) ->
    receive
        {pong, From} -> Other = From, Answers;
        {ping, From} -> element(From, All) ! {pong, Me}, pong(All, Me, Other, Answers + 1)
    end.

rest(All, Me, Answers) ->
    receive
        {ping, From} -> element(From, All) ! {pong, Me}, rest(All, Me, Answers + 1);
        stop -> Answers
    end.

%% ---- Hackbench, and bang

ehb(Groups, Members, Messages) ->
    Self = self(),
    Begin = now_ns(),
    All = [spawn_link(fun() -> group(Self, Members, Messages) end) || _ <- lists:seq(1, Groups)],
    [receive {done, Pid} -> ok end || Pid <- All],
    (now_ns() - Begin) / (Groups * Members * Members * Messages).

group(Main, Members, Messages) ->
    Self = self(),
    Receivers = [spawn_link(fun() ->
                                    Sum = Members * (Messages * (Messages + 1) div 2),
                                    Sum = receives(Members * Messages, 0),
                                    Self ! {done, self()}
                            end) || _ <- lists:seq(1, Members)],
    Senders = [spawn_link(fun() ->
                                  sends(Receivers, 1, Messages),
                                  Self ! {done, self()}
                          end) || _ <- lists:seq(1, Members)],
    [receive {done, Pid} -> ok end || Pid <- Receivers ++ Senders],
    Main ! {done, Self}.

sends(_, N, Messages) when N > Messages -> ok;
sends(Receivers, N, Messages) ->
    Message = {self(), N, 1, 2, 3, 4, 5, 6, 7, 8, 9, N},
    [Receiver ! Message || Receiver <- Receivers],
    case N rem 100 of
        0 -> [receive {acknowledged, Number} -> N = Number end || _ <- Receivers];
        _ -> ok
    end,
    sends(Receivers, N + 1, Messages).

receives(0, Sum) -> Sum;
receives(Left, Sum) ->
    receive
        {Sender, N, _, _, _, _, _, _, _, _, _, Last} ->
            case N rem 100 of
                0 -> Sender ! {acknowledged, N};
                _ -> ok
            end,
            receives(Left - 1, Sum + Last)
    end.

bang(Senders, Messages) ->
    Self = self(),
    Begin = now_ns(),
    [spawn_link(fun() -> [Self ! N || N <- lists:seq(1, Messages)] end)
     || _ <- lists:seq(1, Senders)],
    Sum = sum(Senders * Messages, 0),
    Time = now_ns() - Begin,
    Sum = Senders * (Messages * (Messages + 1) div 2),
    Time / (Senders * Messages).

%% ---- Sleepers

sleepers(Number, Nap) ->
    Main = self(),
    Counts = atomics:new(2, []),
    erlang:garbage_collect(),
    MemoryBefore = peak_bytes(),
    {TimeBefore, _} = erlang:statistics(runtime),
    start_sleepers(Number, fun() -> sleeper(Main, Counts, Number, Nap) end),
    receive all_have_ended -> ok end,
    {Time, _} = erlang:statistics(runtime),
    {(peak_bytes() - MemoryBefore) / Number, (Time - TimeBefore) * 1000000 / Number}.

start_sleepers(0, _) -> ok;
start_sleepers(Left, Sleeper) -> spawn(Sleeper), start_sleepers(Left - 1, Sleeper).

sleeper(Main, Counts, Number, Nap) ->
    atomics:add(Counts, 1, 1),
    sleep(Counts, Number, Nap),
    case atomics:add_get(Counts, 2, 1) of
        Number -> Main ! all_have_ended;
        _ -> ok
    end.

%% Those that wake before all are asleep sleep again.
sleep(Counts, Number, Nap) ->
    receive never -> ok after Nap -> ok end,
    case atomics:get(Counts, 1) of
        Number -> ok;
        _ -> sleep(Counts, Number, Nap)
    end.

%% The operating system's peak of resident memory.
peak_bytes() ->
    {ok, Status} = file:read_file("/proc/self/status"),
    {match, [Kilobytes]} = re:run(Status, "VmHWM:\\s*(\\d+) kB", [{capture, [1], list}]),
    1024 * list_to_integer(Kilobytes).

%% ---- Trees of supervisors

init(Spec) -> {ok, Spec}.

trees(Depth, Breadth, Times) ->
    Leaves = power(Breadth, Depth),
    Processes = (Leaves * Breadth - 1) div (Breadth - 1),
    Begin = now_ns(),
    [tree(Depth, Breadth, Leaves, Processes) || _ <- lists:seq(1, Times)],
    (now_ns() - Begin) / (Times * Processes).

tree(Depth, Breadth, Leaves, Processes) ->
    Others = erlang:system_info(process_count),
    Running = counters:new(1, []),
    {ok, Root} = start_branch(Running, Depth, Breadth),
    until(Running, Leaves),
    Processes = erlang:system_info(process_count) - Others,
    exit(Root, kill),
    receive {'EXIT', Root, killed} -> ok end,
    until_left(Others),
    Leaves = counters:get(Running, 1).

until_left(Wanted) ->
    case erlang:system_info(process_count) of
        Wanted -> ok;
        More when More > Wanted -> erlang:yield(), until_left(Wanted)
    end.

start_branch(Running, Levels, Breadth) ->
    Flags = #{strategy => one_for_one, intensity => 1000000, period => 1},
    supervisor:start_link(?MODULE, {Flags, [child(I, Running, Levels - 1, Breadth)
                                            || I <- lists:seq(1, Breadth)]}).

start_leaf(Running) -> {ok, spawn_link(fun() -> wait(Running) end)}.

child(Id, Running, 0, _) ->
    #{id => Id, start => {?MODULE, start_leaf, [Running]}, shutdown => 5000};
child(Id, Running, Levels, Breadth) ->
    #{id => Id, start => {?MODULE, start_branch, [Running, Levels, Breadth]}, type => supervisor,
      shutdown => infinity}.

power(_, 0) -> 1;
power(Base, N) -> Base * power(Base, N - 1).
