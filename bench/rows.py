"""The rows of the tables, what is hoped of them, and how often each family of them is measured."""

# Family: repetitions in a round and turns to warm up, in full and with --quick.
FAMILIES = {
    "spawn": ((5, 1), (3, 1)),
    "spawn.among": ((3, 1), (2, 0)),
    "restart": ((5, 1), (3, 1)),
    "fresh": ((5, 1), (3, 1)),
    "endless": ((2, 0), (1, 0)),
    "siblings": ((2, 1), (1, 0)),
    "group": ((3, 1), (2, 0)),
    "many": ((2, 1), (1, 0)),
    "mass": ((2, 1), (1, 0)),
    "killed.one_for_one.1000": ((3, 1), (2, 1)),
    "killed.one_for_one.10000": ((3, 1), (2, 1)),
    "killed.one_for_one.100000": ((2, 1), (1, 1)),
    "killed.dynamic.1000": ((3, 1), (2, 1)),
    "killed.dynamic.10000": ((3, 1), (2, 1)),
    "killed.dynamic.100000": ((2, 1), (1, 1)),
    "memory": ((1, 0), (1, 0)),
    "million": ((1, 0), (1, 0)),
    "message": ((7, 1), (5, 1)),
    "server": ((7, 1), (5, 1)),
    "server.among": ((3, 1), (2, 0)),
    "timer.among": ((3, 1), (2, 0)),
    "task": ((5, 1), (3, 1)),
    "memory.task": ((1, 0), (1, 0)),
    "storm": ((7, 1), (5, 1)),
    "skynet": ((2, 1), (1, 1)),
    "ring": ((5, 1), (3, 1)),
    "big": ((5, 1), (3, 1)),
    "hackbench": ((3, 1), (2, 1)),
    "sleepers": ((1, 0), (1, 0)),
    "supervision_heavy": ((5, 1), (3, 1)),
    "keyvalue": ((15, 1), (4, 0)),
}
# These hardly vary, or take long.
FIRST_ROUND_ONLY = {"memory", "memory.task", "million", "sleepers"}
WITHOUT_OTP = {"spawn.among", "killed.one_for_one.100000", "killed.dynamic.100000", "million",
               "server.among", "timer.among", "memory.task", "keyvalue"}
OTP_REPETITIONS = {"spawn": 3, "restart": 3, "fresh": 3, "message": 3, "server": 3,
                   "task": 3, "storm": 3, "ring": 3, "big": 3, "hackbench": 2,
                   "supervision_heavy": 3}  # else 1
# Here OTP has a turn to warm up too, and keeps what memory it has taken from the system.
OTP_WARM = {"skynet", "ring", "big", "hackbench", "supervision_heavy"}
OTP_KEEPS_MEMORY = ["+MMscs", "4096", "+MMsco", "false"]
# How many restarts in a row OTP counts in `endless`.
OTP_IN_A_ROW, QUICK_OTP_IN_A_ROW = 100_000, 20_000
# CAF plays the workloads that others publish; it has no supervisors, so not supervision_heavy.
WITH_CAF = {"skynet", "ring", "big", "hackbench", "sleepers"}
ROUNDS, QUICK_ROUNDS = 3, 1

# The kinds of body that a process has in the workloads that others publish too.
KINDS = ("awaitable", "task")

# Row: what it is, unit.
ROWS = {
    "spawn.default": ("start and end a process", "ns"),
    "spawn.typed": ("start and end one, executor type known", "ns"),
    "spawn.within": ("start and end a process, from within one", "ns"),
    "spawn.supervised": ("start and end a child of a dynamic supervisor", "ns"),
    "spawn.among.1": ("start and end a process beside 1", "ns"),
    "spawn.among.1000": ("start and end a process beside 1,000", "ns"),
    "spawn.among.100000": ("start and end a process beside 100,000", "ns"),
    "restart.return": ("restart a child that returns", "ns"),
    "restart.throw": ("restart a child that throws", "ns"),
    "restart.exit": ("restart a child that exits", "ns"),
    "restart.return.acknowledged": ("... that acknowledges its start", "ns"),
    "restart.return.silent": ("... that returns, no reports", "ns"),
    "restart.throw.silent": ("... that throws, no reports", "ns"),
    "restart.exit.silent": ("... that exits, no reports", "ns"),
    "fresh.throw": ("the first 100 restarts, throws", "ns"),
    "fresh.exit": ("the first 100 restarts, exits", "ns"),
    "endless.throw": ("100,000 restarts in a row, throws", "ns"),
    "endless.exit": ("100,000 restarts in a row, exits", "ns"),
    "siblings.return.1": ("restart beside 1 sibling, returns", "ns"),
    "siblings.return.1000": ("restart beside 1,000, returns", "ns"),
    "siblings.return.100000": ("restart beside 100,000, returns", "ns"),
    "siblings.throw.1": ("restart beside 1 sibling, throws", "ns"),
    "siblings.throw.1000": ("restart beside 1,000, throws", "ns"),
    "siblings.throw.100000": ("restart beside 100,000, throws", "ns"),
    "siblings.exit.1": ("restart beside 1 sibling, exits", "ns"),
    "siblings.exit.1000": ("restart beside 1,000, exits", "ns"),
    "siblings.exit.100000": ("restart beside 100,000, exits", "ns"),
    "group.1000": ("restart a group of 1,000, each member", "ns"),
    "many.start": ("start 100,000 children, each", "ns"),
    "many.stop.kill": ("stop 100,000 children by killing, each", "ns"),
    "many.stop.shutdown": ("stop 100,000 children by asking, each", "ns"),
    "mass.return": ("100,000 return at once, restart each", "ns"),
    "mass.throw": ("100,000 throw at once, restart each", "ns"),
    "killed.one_for_one.1000": ("1,000 killed at once, restart each", "ns"),
    "killed.one_for_one.10000": ("10,000 killed at once, restart each", "ns"),
    "killed.one_for_one.100000": ("100,000 killed at once, restart each", "ns"),
    "killed.dynamic.1000": ("1,000 killed, dynamic, restart each", "ns"),
    "killed.dynamic.10000": ("10,000 killed, dynamic, restart each", "ns"),
    "killed.dynamic.100000": ("100,000 killed, dynamic, restart each", "ns"),
    "memory.default": ("heap of a waiting process", "bytes"),
    "memory.typed": ("heap of one, executor type known", "bytes"),
    "memory.supervised": ("heap of a child, with its spec", "bytes"),
    "memory.dynamic": ("heap of a child of a dynamic supervisor", "bytes"),
    "memory.million": ("heap of one of 1,000,000 such children", "bytes"),
    "message.round_trip": ("message there and back", "ns"),
    "message.one_way": ("message one way, in bursts of 100", "ns"),
    "message.yield": ("let others have a turn", "ns"),
    "server.call": ("call of a server", "ns"),
    "server.cast": ("cast, in bursts of 100", "ns"),
    "server.among.1": ("call of a server beside 1", "ns"),
    "server.among.1000": ("call of a server beside 1,000", "ns"),
    "server.among.100000": ("call of a server beside 100,000", "ns"),
    "timer.among.1": ("set and cancel a timer beside 1", "ns"),
    "timer.among.1000": ("set and cancel a timer beside 1,000", "ns"),
    "timer.among.100000": ("set and cancel a timer beside 100,000", "ns"),
    "storm.calm": ("round trip, 99th percentile", "ns"),
    "storm.crash": ("the same, a sibling crashes without pause", "ns"),
    "keyvalue.1x1": ("key-value server, 1 client", "ns"),
    "keyvalue.50x1": ("key-value server, 50 clients", "ns"),
    "keyvalue.1x16": ("key-value server, 1 client, pipeline of 16", "ns"),
    "keyvalue.50x16": ("key-value server, 50 clients, pipeline of 16", "ns"),
    **{f"skynet.{kind}": ("Skynet: start 1,111,111 processes, sum up", "ns") for kind in KINDS},
    **{f"ring.{kind}": ("a token round a ring of 503, a hop", "ns") for kind in KINDS},
    **{f"big.{kind}": ("120 ask one another, a round trip", "ns") for kind in KINDS},
    **{f"hackbench.ehb.{kind}": ("hackbench: 20 send to 20, a message", "ns") for kind in KINDS},
    **{f"hackbench.bang.{kind}": ("200 send to one, a message", "ns") for kind in KINDS},
    **{f"sleepers.memory.{kind}": ("one of 1,000,000 sleepers: peak memory", "bytes")
       for kind in KINDS},
    **{f"sleepers.time.{kind}": ("one of 1,000,000 sleepers: processor time", "ns")
       for kind in KINDS},
    **{f"supervision_heavy.{shape}.{kind}": (f"a tree of supervisors, {text}, a process", "ns")
       for shape, text in (("3x10", "3 x 10"), ("5x5", "5 x 5"), ("10x2", "10 x 2"))
       for kind in KINDS},
    "task.spawn": ("start and end a process", "ns"),
    "task.supervised": ("start and end a child of a dynamic supervisor", "ns"),
    "task.return": ("restart a child that returns", "ns"),
    "task.throw": ("restart a child that throws", "ns"),
    "task.unwound": ("the same (bare: one throw, caught)", "ns"),
    "task.exit": ("restart a child that exits", "ns"),
    "task.yield": ("let others have a turn", "ns"),
    "fresh.throw.task": ("the first 100 restarts, throws", "ns"),
    "fresh.exit.task": ("the first 100 restarts, exits", "ns"),
    "many.start.task": ("start 100,000 children, each", "ns"),
    "many.stop.shutdown.task": ("stop 100,000 children by asking, each", "ns"),
    "million.start": ("start one of 1,000,000 processes", "ns"),
    "million.kill": ("kill one of 1,000,000 processes", "ns"),
    "million.heap": ("heap of one of 1,000,000 processes", "bytes"),
    "server.task_call": ("call of a server", "ns"),
    "server.task_cast": ("cast, in bursts of 100", "ns"),
    "memory.task.timer": ("heap of a process that waits in a timer", "bytes"),
    "memory.task.sleep": ("heap of a process that waits in sleep_for", "bytes"),
}
NOTE = ("A child that exits ends by exit(reason); bare coroutines throw there, and those of OTP "
        "exit wherever others throw.")
OTP_NOTE = "Of OTP's, 5,000 end at once in place of 100,000: the more, the more each costs it."
QUICK_OTP_NOTE = "A quick run: OTP restarts 20,000 times in a row in place of 100,000."

# Of a derived row; CAF has none.
SIDES = ("coppice", "bare", "otp")
# Derived row: what it is, the two measured rows whose quotient it is, and for which sides.
DERIVED = {}
for _rows, _what in {
        "spawn.among": "start and end a process",
        "siblings.return": "restart beside siblings, returns",
        "siblings.throw": "restart beside siblings, throws",
        "siblings.exit": "restart beside siblings, exits",
        "server.among": "call of a server among others",
        "timer.among": "set a timer and cancel it",
}.items():
    for _size, _text in (1000, "1,000"), (100000, "100,000"):
        DERIVED[f"{_rows}.growth.{_size}"] = (f"{_what}, {_text} : 1", f"{_rows}.{_size}",
                                              f"{_rows}.1", SIDES)
for _rows, _what in {"killed.one_for_one": "children", "killed.dynamic": "dynamic ones"}.items():
    for _size, _text in (10000, "10,000"), (100000, "100,000"):
        DERIVED[f"{_rows}.growth.{_size}"] = (f"{_what} killed at once, {_text} : 1,000",
                                              f"{_rows}.{_size}", f"{_rows}.1000", SIDES)
DERIVED["storm.growth"] = ("99th percentile, crashing : calm", "storm.crash", "storm.calm", SIDES)
for _kind in "call", "cast":
    DERIVED[f"server.task_{_kind}.share"] = (f"{_kind}, by a task : by an awaitable",
                                             f"server.task_{_kind}", f"server.{_kind}", SIDES[:1])

# What a row shall stay below, by its median: its ratio to bare Asio, to OTP or to CAF, or its
# own value.
GOALS = {
    "spawn.default": {"bare": 0.333, "otp": 0.1},
    "spawn.typed": {"bare": 0.333},
    "spawn.within": {"bare": 0.333, "otp": 0.1},
    "spawn.supervised": {"bare": 0.4},
    "restart.return": {"bare": 0.4},
    "restart.throw": {"bare": 0.85},
    "restart.exit": {"bare": 0.12},
    "fresh.throw": {"otp": 0.8},
    "fresh.exit": {"otp": 0.167},
    "fresh.throw.task": {"otp": 0.3},
    "endless.throw": {"otp": 0.05},
    "endless.exit": {"otp": 0.01},
    **{f"siblings.{how}.100000": {"otp": 0.02} for how in ("return", "throw", "exit")},
    **{f"siblings.{how}.growth.{n}": {"self": 1.25}
       for how in ("return", "throw", "exit") for n in (1000, 100000)},
    "group.1000": {"bare": 0.5},
    "many.start": {"bare": 0.8},
    "many.stop.kill": {"bare": 0.25},
    "many.stop.shutdown": {"bare": 0.9},
    "many.stop.shutdown.task": {"bare": 0.6},
    "mass.return": {"bare": 0.5},
    "killed.one_for_one.10000": {"otp": 0.02},
    "killed.dynamic.10000": {"otp": 0.02},
    "memory.default": {"bare": 1.2},
    "memory.typed": {"bare": 1.2},
    "message.round_trip": {"bare": 0.4, "otp": 0.2},
    "message.one_way": {"bare": 0.2, "otp": 0.25},
    "server.call": {"bare": 0.2, "otp": 0.1},
    "server.cast": {"bare": 0.167, "otp": 0.25},
    "storm.growth": {"self": 3.0},
    # Of throughput that would be at least 0.97.
    **{f"keyvalue.{load}": {"bare": 1.031} for load in ("1x1", "50x1", "1x16", "50x16")},
    "task.spawn": {"bare": 0.167, "otp": 0.1},
    "task.supervised": {"bare": 0.25},
    "server.task_call": {"bare": 0.2, "otp": 0.1},
    "task.unwound": {"bare": 1.3},
    "task.yield": {"bare": 0.125},
    "memory.task.timer": {"self": 450},
    "memory.task.sleep": {"self": 300},
    "skynet.awaitable": {"otp": 0.167},
    "skynet.task": {"otp": 0.083},
    "ring.awaitable": {"otp": 0.2},
    "ring.task": {"otp": 0.1},
    **{f"{row}.{kind}": {"otp": below} for row in ("big", "hackbench.ehb", "hackbench.bang")
       for kind, below in (("awaitable", 0.25), ("task", 0.125))},
    "sleepers.memory.task": {"self": 300},
}
for _row in ROWS:
    if _row.split(".")[0] in WITH_CAF:
        GOALS.setdefault(_row, {})["caf"] = 1.0


# The rows of the short table in the project's README, in its words.
BRIEF = {
    "spawn.supervised": "start and end a child of a dynamic supervisor",
    "task.supervised": "... that is a `coppice::task`",
    "restart.return": "restart a child that returns",
    "restart.return.acknowledged": "... that acknowledges its start, as a server does",
    "siblings.return.1": "... beside 1 sibling",
    "siblings.return.100000": "... beside 100,000",
    "restart.throw": "restart a child that throws",
    "task.throw": "... that is a `coppice::task`",
    "restart.exit": "restart a child that ends by `exit(reason)` (bare: throws)",
    "group.1000": "restart a group of 1,000, each",
    "mass.return": "100,000 return at once, until all run again, each",
    "spawn.within": "start and end a process, unsupervised",
    "task.spawn": "... that is a `coppice::task`",
    "message.round_trip": "message there and back (bare: two channels)",
    "message.one_way": "... one way, in bursts of 100",
    "server.call": "call of a server (bare: two channels)",
    "server.task_call": "... by a `coppice::task`",
    "server.cast": "cast",
    "storm.crash": "round trip while a sibling crashes without pause, 99th percentile",
    "memory.default": "heap of a waiting process",
    "memory.task.timer": "... that is a `coppice::task`",
    "memory.task.sleep": "... a task in `sleep_for`",
}


def is_task(row):
    return (row.endswith(".task")
            or row.startswith(("task.", "memory.task.", "million.", "server.task_")))


def family_of(row):
    row = DERIVED[row][1] if row in DERIVED else row
    return max((f for f in FAMILIES if f"{row}.".startswith(f"{f}.")), key=len)
