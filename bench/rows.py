"""The rows of the table, and how often each family of them is measured."""

# Family: repetitions in a round and turns to warm up, in full and with --quick.
FAMILIES = {
    "spawn": ((5, 1), (3, 1)),
    "restart": ((5, 1), (3, 1)),
    "siblings.return": ((2, 1), (1, 0)),
    "siblings.throw": ((2, 1), (1, 0)),
    "group": ((3, 1), (2, 0)),
    "many": ((2, 1), (1, 0)),
    "mass": ((2, 1), (1, 0)),
    "memory": ((1, 0), (1, 0)),
    "message": ((7, 1), (5, 1)),
    "server": ((7, 1), (5, 1)),
    "task": ((5, 1), (3, 1)),
    "memory.task": ((1, 0), (1, 0)),
    "storm": ((7, 1), (5, 1)),
}
OTP_REPETITIONS = {"spawn": 3, "restart": 3, "message": 3, "storm": 3}  # else 1
ROUNDS, QUICK_ROUNDS = 3, 1

# Row: what it is, unit.
ROWS = {
    "spawn.default": ("start and end a process", "ns"),
    "spawn.typed": ("... executor type known", "ns"),
    "spawn.supervised": ("... as a child of a dynamic supervisor", "ns"),
    "restart.return": ("restart a child that returns", "ns"),
    "restart.throw": ("... that throws", "ns"),
    "restart.exit": ("... that ends by exit(reason) (bare: throws)", "ns"),
    "siblings.return.1": ("restart (returns) beside 1 sibling", "ns"),
    "siblings.return.1000": ("... beside 1,000", "ns"),
    "siblings.return.100000": ("... beside 100,000", "ns"),
    "siblings.return.growth": ("... 100,000 : 1", "x"),
    "siblings.throw.1": ("restart (throws) beside 1 sibling", "ns"),
    "siblings.throw.1000": ("... beside 1,000", "ns"),
    "siblings.throw.100000": ("... beside 100,000", "ns"),
    "siblings.throw.growth": ("... 100,000 : 1", "x"),
    "group.1000": ("restart a group of 1,000, each member", "ns"),
    "many.start": ("start 100,000 children, each", "ns"),
    "many.stop.kill": ("stop 100,000 by killing, each", "ns"),
    "many.stop.shutdown": ("stop 100,000 by asking, each", "ns"),
    "mass.return": ("100,000 return at once, restart, each *", "ns"),
    "mass.throw": ("100,000 throw at once, restart, each *", "ns"),
    "memory.default": ("heap of a waiting process", "bytes"),
    "memory.typed": ("... executor type known", "bytes"),
    "memory.supervised": ("... supervised, with its spec", "bytes"),
    "memory.dynamic": ("... under a dynamic supervisor", "bytes"),
    "memory.million": ("... of 1,000,000 there", "bytes"),
    "message.round_trip": ("message there and back", "ns"),
    "message.one_way": ("message one way, in bursts of 100", "ns"),
    "message.yield": ("let others have a turn", "ns"),
    "server.call": ("call of a server (bare: two channels)", "ns"),
    "server.cast": ("cast, in bursts of 100", "ns"),
    "server.task_call": ("call, by a task", "ns"),
    "server.task_cast": ("cast, by a task", "ns"),
    "task.spawn": ("task: start and end a process", "ns"),
    "task.supervised": ("... as a child of a dynamic supervisor", "ns"),
    "task.return": ("task: restart a child that returns", "ns"),
    "task.throw": ("... that throws", "ns"),
    "task.unwound": ("... that throws (bare: one throw, caught)", "ns"),
    "task.exit": ("... that ends by exit(reason) (bare: throws)", "ns"),
    "task.yield": ("task: let others have a turn", "ns"),
    "memory.task.timer": ("task: heap of a waiting process", "bytes"),
    "memory.task.sleep": ("... in sleep_for", "bytes"),
    "storm.calm": ("round trip, 99th percentile", "ns"),
    "storm.crash": ("... while a sibling crashes without pause", "ns"),
    "storm.growth": ("... crashing : calm", "x"),
}
# Derived row: the quotient of two measured ones.
GROWTH = {
    "siblings.return.growth": ("siblings.return.100000", "siblings.return.1"),
    "siblings.throw.growth": ("siblings.throw.100000", "siblings.throw.1"),
    "storm.growth": ("storm.crash", "storm.calm"),
}
NOTE = "* OTP: 5,000, since each crash costs it more the more there are"
