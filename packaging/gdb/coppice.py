"""For gdb: what the processes of a program do, as coppice::dump tells it, from outside.

    $ gdb -p PID                      # or: gdb PROGRAM CORE
    (gdb) source coppice.py
    (gdb) coppice dump                # all processes of all io_contexts, as a tree, with their coroutines
    (gdb) coppice stack 7             # the coroutines of process <7>, all of them

Nothing of the program runs for this, so it may have crashed, hang, or be stopped anywhere. What it needs is
debug information (g++ and clang: -g) of coppice, and for files and lines that of the program; what it does not
find, it leaves out. README.md beside this file says the rest.

Written for gdb 12 and later, libstdc++ and libc++, and the layouts of coppice's own objects. It belongs to the
version of coppice that it came with: where another one has not the members below, it names them and tells
nothing, as what it told might be wrong.
"""

import functools
import os
import re
import struct
import time

import gdb

# As many coroutines of one process are told by `dump`, and by `stack`.
MOST_IN_DUMP = 32
MOST_IN_STACK = 10_000
# Names that are longer are told without the arguments of their templates.
LONGEST_NAME = 160

REGISTRY = "coppice::detail::(anonymous namespace)::"

KINDS = {"server_core": "server", "supervisor_process": "supervisor", "task_behaviour": "task"}

# For what a process waits, by the names of wait_kind.
WAITS = {
    "message": "a message",
    "answer": "an answer",
    "time": "time to pass",
    "process": "the end of a process",
    "task": "a task",
    "permit": "a permit",
    "children": "its children",
    "request": "a supervisor",
    "deadline": "something with a deadline",
}

# What is read of coppice's objects: the members of classes, and the enumerators that are told apart.
MEMBERS = {
    "coppice::pid": "number_ slot_",
    "coppice::detail::awaited_task": "parent",
    "coppice::detail::list_hook": "next_",
    "coppice::detail::loop_thread": "last_",
    "coppice::detail::mailbox_core": "size user",
    "coppice::detail::process": "extras innermost life number outermost ran_at runner spawner stop tag waits watcher",
    "coppice::detail::process_extras": "behaviour label name",
    "coppice::detail::process_life": "now_",
    "coppice::detail::process_life::state": "ended exiting live revoked spawned unwinding",
    "coppice::detail::process_slots": "chunks_ size_",
    "coppice::detail::runner_type": "frames",
    "coppice::detail::scheduler": "current_ io_ manual_ members_ rough_time_ serial_ slots_ thread_ turn_time_",
    "coppice::detail::server_core": "awaited_ size_",
    "coppice::detail::stop_request": "asked_",
    "coppice::detail::stop_request::level": "none",
    "coppice::detail::supervised_child": "id restarts",
    "coppice::detail::task_promise_base": "awaiter frame",
    "coppice::detail::wait_kind": " ".join(WAITS),
    "coppice::detail::waiter": "act kind",
    REGISTRY + "registry": "alive",
}

CANNOT_READ = (gdb.error, gdb.MemoryError, RuntimeError, ValueError, TypeError, KeyError, OverflowError,
               StopIteration, struct.error)

CLOCK_MONOTONIC_COARSE = 6
MILLISECONDS = 0xFFFFFFFF  # they are kept in 32 bits


def attempt(read, otherwise):
    """What `read` returns, or `otherwise` if the memory or the debug information does not have it."""
    try:
        return read()
    except CANNOT_READ:
        return otherwise


def missing_members():
    """Gives those of MEMBERS that the program does not have. A class that it does not use may be absent as a whole."""
    for name, members in MEMBERS.items():
        try:
            known = set(members_of_type(gdb.lookup_type(name)))
        except CANNOT_READ:
            continue
        if known:  # there are none in what is only declared
            yield from (f"{name}::{m}" for m in members.split() if m not in known)


def members_of_type(kind):
    """Gives the names of the members of a class and of its bases, or of the enumerators of an enumeration."""
    for field in kind.fields():
        if field.name and not field.is_base_class:
            yield field.name.rpartition("::")[2]
        elif field.type is not None:  # a base, or a union without a name
            yield from members_of_type(field.type.strip_typedefs())


def word_at(address):
    memory = gdb.selected_inferior().read_memory(address, 8)
    return struct.unpack("<Q", memory)[0]


def address_of(lvalue):
    return int(lvalue.address)


def held_by(lvalue):
    """The pointer in a unique_ptr, a shared_ptr or a vector: in every library it comes first."""
    held = lvalue.type.strip_typedefs().template_argument(0)
    return lvalue.address.cast(held.pointer().pointer()).dereference()


def is_of_libcxx(lvalue):
    return "std::__1::" in str(lvalue.type.strip_typedefs())


def text_of(string):
    """The text of a std::string."""
    at = address_of(string)
    if not is_of_libcxx(string):
        begin, size = word_at(at), word_at(at + 8)
    elif word_at(at) & 1:
        size, begin = word_at(at + 8), word_at(at + 16)
    else:
        begin, size = at + 1, (word_at(at) & 0xFF) >> 1
    if size == 0:
        return ""
    return bytes(gdb.selected_inferior().read_memory(begin, min(size, 1000))).decode(errors="replace")


def values_of(map_of_numbers):
    """The values, which are pointers, of a std::unordered_map whose keys are numbers, as addresses."""
    # Behind two words for the buckets comes the first node: its link to the next, with libc++ its hash,
    # then the key and the value.
    value_at = 24 if is_of_libcxx(map_of_numbers) else 16
    node = word_at(address_of(map_of_numbers) + 16)
    while node != 0:
        yield word_at(node + value_at)
        node = word_at(node)


def members_of(hook):
    """The hooks of the members of a list."""
    head = hook.address
    seen = set()
    at = hook["next_"]
    # A program that was stopped while it changed the list may leave a circle without its head.
    while at != head and int(at) != 0 and int(at) not in seen:
        seen.add(int(at))
        yield at
        at = at["next_"]


def enumerator(value):
    return str(value).rpartition("::")[2]


def without_arguments(name):
    """A name without the arguments of its templates: those of Asio's fill a page."""
    text, depth = "", 0
    for i, character in enumerate(name):
        if character == "<" and not name[:i].endswith("operator"):
            depth += 1
            if depth == 1:
                text += "<...>"
        elif character == ">" and depth > 0:
            depth -= 1
        elif depth == 0:
            text += character
    return text


def without_additions(name):
    """The name of a coroutine as its author wrote it.

    What resumes a coroutine is a function of its own: "f(f(int)::_Z1fi.Frame*) [clone .actor]" with g++,
    "f(int) [clone .resume]" with clang.
    """
    name = name.partition(" [clone ")[0]
    frame = name.rfind(".Frame*)")
    if frame >= 0:
        # In the parentheses stand the name of the function and that of its frame.
        depth, begin = 1, frame
        while begin > 0 and depth > 0:
            begin -= 1
            depth += (name[begin] == ")") - (name[begin] == "(")
        end = name.rfind("::", begin, frame)
        if begin < end:
            name = name[begin + 1:end]
    name = name.replace("(anonymous namespace)::", "")
    if name.startswith(("boost::asio::", "coppice::detail::")):
        # Parameters are of no use to those who did not write them.
        parameters = re.search(r"(?<!operator)(?<!lambda)\(", name := without_arguments(name))
        return (name[:parameters.start()] if parameters else name).rpartition(" ")[2]
    return name if len(name) <= LONGEST_NAME else without_arguments(name)


def place_of(file, line):
    return f"{os.path.normpath(file.filename)}:{line}" if file is not None else ""


def is_coroutine(symbol):
    return symbol.endswith(("[clone .actor]", "[clone .resume]"))


class Symbols:
    """The names, files and lines of what is at an address."""

    def __init__(self):
        self.names = {}
        self.places = {}

    def at(self, address):
        """The name of a function or an object that contains the address; empty if there is none."""
        if address not in self.names:
            told = attempt(lambda: gdb.execute(f"info symbol {address:#x}", to_string=True), "")
            found = re.match(r"(.*?)(?: \+ \d+)? in section ", told)
            self.names[address] = found[1] if found else ""
        return self.names[address]

    def class_of(self, polymorphic):
        """The class of the object that a pointer points to, without coppice's namespaces."""
        vtable = word_at(int(polymorphic))
        found = re.match(r"vtable for (?:coppice::detail::)?(?:\(anonymous namespace\)::)?(.*)", self.at(vtable))
        return found[1] if found else ""

    def function(self, address):
        """The function at an address, to be shown to people."""
        name = self.at(address)
        return without_additions(name) if name else f"{address:#x}"

    def place(self, frame):
        """File and line where a coroutine is suspended, or else where its function begins; empty if unknown."""
        function = word_at(frame)
        code = attempt(lambda: Code.of(function), None)
        if code is None:
            return ""
        index = attempt(lambda: code.index(frame), None)
        key = function, index
        if key not in self.places:
            line = None
            if index is not None:
                line = attempt(lambda: code.line_of_await(index), None)
            self.places[key] = place_of(code.symbol.symtab, line or code.symbol.line)
        return self.places[key]


class Code:
    """The function that resumes a coroutine, as the debug information has it."""

    # How x86-64 notes in the frame at which await the coroutine is suspended: it stores a number, which may have
    # been put into a register before. In the syntax of AT&T, and in that of Intel.
    LOAD = re.compile(r"mov +\$(?P<number>0x[0-9a-f]+),%(?P<register>\w+)$|"
                      r"mov +(?P<register_>\w+),(?P<number_>0x[0-9a-f]+)$")
    STORE = re.compile(r"mov(?P<size>[bw]?) +(?:\$(?P<number>0x[0-9a-f]+)|%(?P<register>\w+)),"
                       r"(?P<offset>-?0x[0-9a-f]+|)\(%\w+\)$|"
                       r"mov +(?P<size_>WORD|BYTE) PTR \[\w+(?P<offset_>[+-]0x[0-9a-f]+|)\],"
                       r"(?:(?P<number_>0x[0-9a-f]+)|(?P<register_>\w+))$")
    LOOK = re.compile(r"movzwl +(0x[0-9a-f]+)\(%\w+\)|movzx +\w+,WORD PTR \[\w+\+(0x[0-9a-f]+)\]")
    MOST_INSTRUCTIONS = 100_000

    @classmethod
    def of(cls, address):
        block = gdb.block_for_pc(address)
        while block is not None and (block.function is None or not cls.names_frame(block)):
            if block.is_static or block.is_global:
                return None
            block = block.superblock
        return None if block is None else cls(address, block)

    @staticmethod
    def names_frame(block):
        return any(s.name in ("frame_ptr", "__coro_frame") for s in block)

    def __init__(self, address, block):
        self.address = address
        self.block = block
        self.symbol = block.function
        self.last_line = 0
        for s in block:
            if s.name == "frame_ptr":  # of g++, which gives it the line of the closing brace
                self.frame = s.type.target()
                self.last_line = s.line
            elif s.name == "__coro_frame":  # of clang
                self.frame = s.type
        self.fields = {f.name: f for f in self.frame.fields()}

    def field(self, *names):
        return next((self.fields[n] for n in names if n in self.fields), None)

    def promise(self, frame):
        """The address of the promise in a frame."""
        found = self.field("_Coro_promise", "__promise")
        return frame + (found.bitpos // 8 if found is not None else 16)

    def place_of_index(self):
        """Where in a frame the number is that tells the await, and how many bytes it has."""
        found = self.field("_Coro_resume_index", "__coro_index")
        if found is not None:
            return found.bitpos // 8, found.type.sizeof
        # g++ leaves out the members of the frames of some member functions. They begin with a look at it.
        for instruction in self.instructions[:32]:
            look = self.LOOK.match(instruction["asm"])
            if look:
                return int(look[1] or look[2], 0), 2
        raise ValueError("the frame of a coroutine is not known")

    def index(self, frame):
        """The number of the await where a coroutine is suspended, as its compiler counts."""
        offset, size = self.place_of_index()
        memory = gdb.selected_inferior().read_memory(frame + offset, size)
        return int.from_bytes(bytes(memory), "little")

    def line_of_await(self, index):
        offset, size = self.place_of_index()
        at = [i for i, where, number in self.stores(size) if where == offset and number == index]
        # When g++ optimises, the register may point into the middle of the frame; there are few such stores.
        at = at or [i for i, _, number in self.stores(size) if number == index]
        return self.line_near(at[0]) if at else None

    def stores(self, size):
        """Gives the stores of a known number of that many bytes: which instruction, the offset, the number."""
        registers = {}
        for i, instruction in enumerate(self.instructions):
            if found := self.LOAD.match(instruction["asm"]):
                load = {name.rstrip("_"): text for name, text in found.groupdict().items() if text is not None}
                registers[self.whole(load["register"])] = load["number"]
            elif found := self.STORE.match(instruction["asm"]):
                store = {name.rstrip("_"): text for name, text in found.groupdict().items() if text is not None}
                number = store.get("number") or registers.get(self.whole(store["register"]))
                if number is not None and self.size_of(store) == size:
                    yield i, int(store["offset"] or "0", 0), int(number, 0)

    @staticmethod
    def whole(register):
        """A name for all of the register, whatever part of it is named."""
        return re.sub(r"^[er](?=\D)|(?<=[a-d])[xl]$|(?<=[ip])l$|(?<=\d)[dwbl]$", "", register)

    @staticmethod
    def size_of(store):
        """How many bytes are stored; 0 if more than two, which no compiler takes."""
        if store["size"]:
            return {"b": 1, "BYTE": 1, "w": 2, "WORD": 2}[store["size"]]
        if re.fullmatch(r"[a-d]x|[sd]i|[sb]p|r\d+w", store["register"]):
            return 2
        return 1 if re.fullmatch(r"[a-d]l|[sd]il|[sb]pl|r\d+[bl]", store["register"]) else 0

    @functools.cached_property
    def instructions(self):
        found = []
        architecture = gdb.selected_inferior().architecture()
        address = self.address
        while len(found) < self.MOST_INSTRUCTIONS:
            for instruction in architecture.disassemble(address, count=64):
                # What g++ moves away from a function counts as part of it, with all that lies between.
                if not self.contains(instruction["addr"]):
                    return found
                found.append(instruction)
            address = found[-1]["addr"] + found[-1]["length"]
        return found

    def contains(self, address):
        block = gdb.block_for_pc(address)
        while block is not None and not self.is_own(block):
            block = block.superblock
        return block is not None

    def is_own(self, block):
        return block.start == self.block.start and block.end == self.block.end

    def line_near(self, i):
        """The line of an instruction, or of its nearest neighbour that has one within the function.

        g++ gives to much of what an await does the line of the function or of its closing brace.
        """
        after = range(i, min(i + 16, len(self.instructions)))
        jump = next((j for j in after if re.match(r"j|ret", self.instructions[j]["asm"])), after[-1])
        nearby = [*range(i, jump + 1), *range(i - 1, max(i - 16, -1), -1)]
        lines = [self.own_line(self.instructions[j]["addr"]) for j in nearby]
        return next((n for n in lines if n not in (0, self.symbol.line, self.last_line)), lines[0])

    def own_line(self, address):
        """The line in this function to which an instruction belongs, were it that of a call of what is inlined."""
        block = gdb.block_for_pc(address)
        called = None
        while block is not None and not self.is_own(block):
            called = block.function or called  # gdb gives the line of the call to what is inlined
            block = block.superblock
        where = called or gdb.find_pc_line(address)
        same = where.symtab is not None and where.symtab.filename == self.symbol.symtab.filename
        return where.line if same else 0


class Thread:
    """Looks at a thread of the program as long as it lasts; the one that was looked at before comes back."""

    def __init__(self, thread):
        self.thread = thread

    def __enter__(self):
        self.before = gdb.selected_thread()
        self.frame = attempt(gdb.selected_frame, None)
        self.thread.switch()

    def __exit__(self, *_):
        if self.before is not None and self.before.is_valid():
            self.before.switch()
        if self.frame is not None and self.frame.is_valid():
            self.frame.select()

    @staticmethod
    def with_handle(handle):
        """The thread that has that pthread_t; None if that is not known."""
        for thread in gdb.selected_inferior().threads():
            mine = attempt(thread.handle, b"")
            if handle != 0 and int.from_bytes(mine[:8], "little") == handle:
                return thread
        return None


class Process:
    """What one process does: see process_state in coppice/dump.hpp."""

    def __init__(self, number):
        self.number = number
        self.parent = 0
        self.name = self.kind = self.state = self.waits_for = ""
        self.rests = None
        self.messages = self.restarts = 0
        self.frames = []

    def line(self):
        line = f"<{self.number}>"
        if self.name:
            line += " " + self.name
        if self.kind:
            line += f" ({self.kind})"
        line += " waits" if self.state == "waiting" else " " + self.state
        if self.waits_for:
            line += (" for " if self.state == "waiting" else ", waits for ") + self.waits_for
        if self.rests is not None:
            line += f", {self.rests / 1000:.1f} s"
        for count, what in ((self.messages, "message"), (self.restarts, "restart")):
            if count > 0:
                line += f", {count} {what}" + ("s" if count > 1 else "")
        return line


class Scheduler:
    """Reads the scheduler of an io_context."""

    def __init__(self, program, value):
        self.program = program
        self.symbols = program.symbols
        self.value = value
        self.thread = attempt(lambda: Thread.with_handle(word_at(address_of(value["thread_"]["last_"]))), None)
        self.now = attempt(self.rough_time, None)
        self.in_mailboxes = attempt(self.count_messages, {})

    def headline(self, count):
        line = f"io_context {int(self.value['io_'].referenced_value().address):#x}"
        if self.thread is not None:
            line += f", thread {self.thread.num}"
        return line + f", {count} process" + ("es" if count != 1 else "")

    def rough_time(self):
        """The time from which `ran_at` of a process is to be subtracted, in milliseconds."""
        if self.value["manual_"]:
            return word_at(address_of(self.value["turn_time_"])) // 1_000_000 & MILLISECONDS
        return self.program.now()

    def slots(self):
        """Gives the slots that have a process, with its number and the name of its state."""
        slots = self.value["slots_"]
        chunks = held_by(slots["chunks_"])
        size = attempt(lambda: int(slots["chunk"]), 64)
        for i in range(int(slots["size_"])):
            p = (chunks + i // size).dereference()[i % size]
            number = attempt(lambda: word_at(address_of(p["number"])), 0)
            if number != 0:
                yield number, p

    def count_messages(self):
        """The number of messages in the mailboxes of each process, by the process's number."""
        messages = {}
        for hook in members_of(self.value["members_"]):
            member = hook.cast(self.program.pointer("loop_member"))
            if self.symbols.class_of(member).startswith("mailbox_state<"):
                box = member.cast(self.program.pointer("mailbox_core"))
                user = int(box["user"]["number_"])
                messages[user] = messages.get(user, 0) + int(box["size"])
        return messages

    def describe(self, number, p, most_frames):
        """Never fails: what cannot be told is left out."""
        told = Process(number)
        told.parent = attempt(lambda: int(p["spawner"]["number_"]), 0)
        told.name = attempt(lambda: self.name_of(p), "")
        behaviour = attempt(lambda: self.behaviour_of(p), None)
        kind = attempt(lambda: self.symbols.class_of(behaviour), "") if behaviour is not None else ""
        told.kind = KINDS.get(kind, "")
        told.state = attempt(lambda: self.state_of(p), "in an unknown state")
        running = told.state.startswith("running")
        server = None
        if told.kind == "server":
            server = attempt(lambda: behaviour.cast(self.program.pointer("server_core")), None)
        if not running:
            told.waits_for = attempt(lambda: self.awaited_by(p, server), "")
            if told.state != "spawned":  # which has not run yet
                told.rests = attempt(lambda: (self.now - int(p["ran_at"])) & MILLISECONDS, None)
        told.messages = self.in_mailboxes.get(number, 0)
        if server is not None:
            told.messages += attempt(lambda: int(server["size_"]), 0)
        told.restarts = attempt(lambda: self.restarts_of(p), 0)
        told.frames = self.stack_of(p, running, most_frames)
        return told

    def name_of(self, p):
        extras = held_by(p["extras"])
        if int(extras) != 0:
            name = text_of(extras["name"]) or text_of(extras["label"])
            if name:
                return name
        child = self.child_of(p)
        return text_of(child["id"]) if child is not None else ""

    def child_of(self, p):
        """What its supervisor has noted of a process; None if that is no supervisor, or not known."""
        if int(p["watcher"]) == 0 or self.symbols.class_of(p["watcher"]) != "supervisor_process":
            return None
        return p["tag"].cast(self.program.pointer("supervised_child"))

    def restarts_of(self, p):
        child = self.child_of(p)
        return int(child["restarts"]) if child is not None else 0

    def behaviour_of(self, p):
        extras = held_by(p["extras"])
        if int(extras) == 0:
            return None
        behaviour = held_by(extras["behaviour"])
        return behaviour if int(behaviour) != 0 else None

    def state_of(self, p):
        life = enumerator(p["life"]["now_"])
        if life == "spawned":
            return "spawned"
        if life in ("revoked", "exiting", "unwinding", "ended"):
            return "exiting"
        if self.value["current_"] == p.address:
            return "running" if self.thread is None else f"running in thread {self.thread.num}"
        return "waiting" if enumerator(p["stop"]["asked_"]) == "none" else "stopping"

    def awaited_by(self, p, server):
        waits = list(members_of(p["waits"]))
        if waits and server is not None:
            awaited = server["awaited_"]
            number, slot = int(awaited["number_"]), awaited["slot_"]
            if number != 0 and word_at(address_of(slot["number"])) == number:
                return f"the answer of {self.name_of(slot.dereference())} <{number}>"
        kinds = [enumerator(wait.cast(self.program.pointer("waiter"))["kind"]) for wait in waits]
        # What it waits for tells more than until when.
        kinds.sort(key=lambda kind: kind == "deadline")
        return WAITS.get(kinds[0], "") if kinds else ""

    def stack_of(self, p, running, most):
        """The coroutines that await each other, the innermost first, as lines of text."""
        stack = []
        try:
            if enumerator(p["life"]["now_"]) not in ("live", "exiting", "unwinding"):
                return stack
            at_work = self.at_work() if running else None
            for frame in self.frames_of(p, at_work):
                if len(stack) == most:
                    stack.append("...")
                    break
                function = word_at(frame)
                place = self.symbols.place(frame)
                if not stack and at_work is not None and at_work.is_in(function):
                    place = at_work.place
                stack.append(self.symbols.function(function) + (f" at {place}" if place else ""))
        except CANNOT_READ as why:
            stack.append(f"({why})")
        return stack

    def frames_of(self, p, at_work):
        """Gives the frames of the coroutines that await each other.

        A task that an awaitable awaits is not noted in that one, nor the other way round. But a wait knows the
        coroutine that waits.
        """
        body = self.frames_of_body(p, at_work)
        innermost = next(body, None)
        if at_work is None:
            waiting = attempt(lambda: self.frames_of_wait(p), iter(()))
            first = attempt(lambda: next(waiting, None), None)
            if first not in (None, innermost):
                yield first
                yield from waiting
        if innermost is not None:
            yield innermost
            yield from body

    def frames_of_wait(self, p):
        waiter = next(members_of(p["waits"])).cast(self.program.pointer("waiter"))
        kind = re.match(r"(coppice::detail::(?:native_awaiter|wait_operation)<.*>)::act_on\(",
                        self.symbols.at(int(waiter["act"])))
        wait = waiter.cast(gdb.lookup_type(kind[1]).pointer())
        if "native_awaiter" in kind[1]:
            return self.frames_from(wait["promise_"].referenced_value().address)
        outermost = wait["handler_"]["bottom_of_stack_"]["frame_"]
        return self.frames_up_to(outermost["top_of_stack_"], int(outermost))

    def frames_of_body(self, p, at_work):
        runner = p["runner"]
        if int(runner) == 0:
            return self.frames_of_task(p, at_work)
        if int(runner["frames"]) != 0 and int(p["outermost"]) != 0:
            return self.frames_of_awaitable(p)
        return iter(())

    def frames_of_task(self, p, at_work):
        if at_work is None:
            return self.frames_from(p["innermost"])
        # The process notes where it waits. The task that waited last may be gone when it runs.
        if at_work.frame is None:
            raise ValueError("which coroutines await each other is not known while it runs")
        return self.frames_from(gdb.Value(Code.of(word_at(at_work.frame)).promise(at_work.frame)))

    def frames_from(self, promise):
        """Gives the frame of a task, and those of the tasks that await it."""
        promise = promise.cast(self.program.pointer("task_promise_base"))
        while int(promise) != 0:
            yield word_at(address_of(promise["frame"]))
            awaiter = promise["awaiter"]
            if int(awaiter) == 0:
                break
            promise = awaiter["parent"]

    def frames_of_awaitable(self, p):
        runner = p["runner"]
        executor = re.search(r"frame_list<(.*)>::frames\(", self.symbols.at(int(runner["frames"])))
        if not executor:
            raise ValueError("its executor is not known")
        outermost_type = gdb.lookup_type(
            "boost::asio::detail::awaitable_frame<boost::asio::detail::awaitable_thread_entry_point, "
            f"{executor[1].strip()}>")
        outermost = p["outermost"].cast(outermost_type.pointer())
        # The outermost frame is that of the runner.
        return self.frames_up_to(outermost["top_of_stack_"], int(outermost))

    @staticmethod
    def frames_up_to(frame, last):
        """Gives the frame of an awaitable, and those of the awaitables that await it, without the last."""
        while int(frame) not in (0, last):
            yield word_at(address_of(frame["coro_"]))
            frame = frame["caller_"]

    def at_work(self):
        """The coroutine that runs on the thread of the scheduler; None if that is not known."""
        if self.thread is None:
            return None
        with Thread(self.thread):
            return attempt(lambda: AtWork.find(self.symbols), None)


class AtWork:
    """The coroutine that runs on the selected thread."""

    @classmethod
    def find(cls, symbols):
        frame = gdb.newest_frame()
        while frame is not None:
            symbol = symbols.at(frame.pc())
            if frame.type() == gdb.NORMAL_FRAME and is_coroutine(symbol):
                return cls(symbols, symbol, frame)
            frame = frame.older()
        return None

    def __init__(self, symbols, symbol, frame):
        self.symbols = symbols
        self.symbol = symbol
        where = frame.find_sal()
        self.place = place_of(where.symtab, where.line)
        self.frame = attempt(lambda: self.frame_of(frame), None)

    def is_in(self, function):
        return self.symbols.at(function) == self.symbol

    @staticmethod
    def frame_of(frame):
        """The address of the coroutine's frame; None if it was optimised away."""
        block = frame.block()
        while not block.is_static:
            for s in block:
                if s.name == "frame_ptr":
                    return int(s.value(frame))
                if s.name == "__coro_frame":
                    return address_of(s.value(frame))
            block = block.superblock
        return None


class Program:
    """The program that gdb looks at, for the time of one command."""

    def __init__(self):
        self.symbols = Symbols()
        self.types = {}
        try:
            registry = gdb.parse_and_eval(
                f"*('{REGISTRY}registry'**)&'{REGISTRY}all_schedulers()::all'")
            self.type("process").fields()
        except CANNOT_READ:
            raise gdb.GdbError("coppice: the program does not use coppice, or coppice was built without debug "
                               "information (Meson: -Ddebug=true)") from None
        if missing := list(missing_members()):
            raise gdb.GdbError("coppice: the program has another version of coppice than this script is for, without "
                               + ", ".join(missing))
        self.is_live = attempt(self.find_out_if_live, False)
        scheduler = self.pointer("scheduler")
        found = values_of(registry["alive"]) if attempt(lambda: int(registry), 0) != 0 else ()
        values = [gdb.Value(s).cast(scheduler).dereference() for s in found]
        values.sort(key=lambda s: int(s["serial_"]))
        self.latest = max((int(s["rough_time_"]) for s in values if not s["manual_"]), default=0)
        self.schedulers = [Scheduler(self, s) for s in values]

    def type(self, name):
        if name not in self.types:
            self.types[name] = gdb.lookup_type("coppice::detail::" + name)
        return self.types[name]

    def pointer(self, name):
        return self.type(name).pointer()

    @staticmethod
    def find_out_if_live():
        return gdb.selected_inferior().connection.type == "native"

    def now(self):
        """In milliseconds, by the clock that schedulers read; in a core file, when they read it last."""
        if not self.is_live:
            return self.latest
        return time.clock_gettime_ns(CLOCK_MONOTONIC_COARSE) // 1_000_000 & MILLISECONDS


def as_tree(processes):
    """Gives the processes with their depths, children behind their parents in the order of their numbers."""
    processes = sorted(processes, key=lambda p: p.number)
    known = {p.number for p in processes}
    children = {}
    to_visit = []
    for p in reversed(processes):
        if p.parent in known and p.parent != p.number:
            children.setdefault(p.parent, []).append(p)
        else:
            to_visit.append((0, p))
    while to_visit:
        depth, p = to_visit.pop()
        yield depth, p
        to_visit += ((depth + 1, child) for child in children.get(p.number, ()))


class Command(gdb.Command):
    """Does not let an exception of its own get to the user, who can do nothing with it."""

    def invoke(self, argument, _from_tty):
        try:
            self.run(argument.strip())
        except gdb.GdbError:
            raise
        except Exception as why:  # pylint: disable=broad-except
            raise gdb.GdbError(f"coppice: {why}") from None


class Coppice(gdb.Command):
    """The processes of a program that uses coppice."""

    def __init__(self):
        super().__init__("coppice", gdb.COMMAND_STATUS, prefix=True)


class Dump(Command):
    """All processes of all io_contexts, children below their parents: what each waits for, since when it has not
run, how many messages it has, how often it was restarted; and below it the coroutines that await each other, the
innermost first, with the lines of the awaits."""

    def __init__(self):
        super().__init__("coppice dump", gdb.COMMAND_STATUS)

    def run(self, _argument):
        program = Program()
        if not program.schedulers:
            print("there are no processes")
        elif not program.is_live:
            print("times are those of the last turn that a loop had")
        for scheduler in program.schedulers:
            processes = [scheduler.describe(n, p, MOST_IN_DUMP) for n, p in scheduler.slots()]
            print(scheduler.headline(len(processes)))
            for depth, process in as_tree(processes):
                print("  " * depth + process.line())
                for frame in process.frames:
                    print("  " * depth + "    " + frame)


class Stack(Command):
    """coppice stack NUMBER
The coroutines of the process with that number that await each other, the innermost first. Io_contexts number
their processes each for itself: what has that number in any of them is told."""

    def __init__(self):
        super().__init__("coppice stack", gdb.COMMAND_STACK)

    def run(self, argument):
        number = re.fullmatch(r"<?(\d+)>?", argument)
        if not number:
            raise gdb.GdbError("coppice stack NUMBER, which is that of a process: see `coppice dump`")
        program = Program()
        found = False
        for scheduler in program.schedulers:
            for n, p in scheduler.slots():
                if n == int(number[1]):
                    found = True
                    process = scheduler.describe(n, p, MOST_IN_STACK)
                    print(process.line())
                    for i, frame in enumerate(process.frames):
                        print(f"#{i:<3} {frame}")
        if not found:
            raise gdb.GdbError(f"coppice: there is no process <{number[1]}>")


Coppice()
Dump()
Stack()
