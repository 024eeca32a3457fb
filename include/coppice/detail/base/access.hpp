#pragma once

#include <cstdint>
#include <utility>

namespace coppice::detail {

/// The door through which coppice reaches what its public classes keep from their users: they
/// befriend this struct. Each function does no more than to call one private member.
struct access {
  /// Makes an object by a private constructor.
  template <class T, class... Args>
  [[nodiscard]] static T make(Args&&... args) {
    return T{std::forward<Args>(args)...};
  }

  /// The frame of a `task`, or the slot of a `pending_call`, that gives it away.
  template <class Handle>
  [[nodiscard]] static auto release(Handle&& handle) {
    return std::forward<Handle>(handle).release();
  }

  /// The promise of a `task`.
  template <class Task>
  [[nodiscard]] static auto& promise(const Task& task) {
    return task.promise();
  }

  /// The parts of a `start_function`: its body, if it is no template; whether it is one; and what a
  /// template runs with that argument.
  template <class Start>
  [[nodiscard]] static const auto& get_body(const Start& start) {
    return start.get_body();
  }
  template <class Start>
  [[nodiscard]] static bool is_template(const Start& start) {
    return start.is_template();
  }
  template <class Start, class Argument>
  [[nodiscard]] static auto with_argument(const Start& start, const Argument& argument) {
    return start.with_argument(argument);
  }

  /// Whether a `child_spec` sets terms that OTP does not know.
  template <class Spec>
  [[nodiscard]] static bool has_terms(const Spec& spec) {
    return spec.has_terms();
  }

  /// The mailbox of an `address`, without its type; and a message with a tag, by which the mailbox
  /// can throw it away again.
  template <class Address>
  [[nodiscard]] static auto core(const Address& to) {
    return to.core();
  }
  template <class Address, class Message>
  static auto send_tagged(const Address& to, Message&& message, std::uint64_t tag) {
    return to.send_tagged(std::forward<Message>(message), tag);
  }

  /// The wait that a coroutine of coppice's awaits in place of an operation; and the one for an
  /// operation that belongs to another io_context. Only operations of coppice's have these.
  template <class Op>
  [[nodiscard]] static auto to_wait(Op&& op) -> decltype(std::forward<Op>(op).to_wait()) {
    return std::forward<Op>(op).to_wait();
  }
  template <class Op, class Scheduler>
  [[nodiscard]] static auto to_remote_wait(Op& op, Scheduler& here)
      -> decltype(op.to_remote_wait(here)) {
    return op.to_remote_wait(here);
  }
  template <class Op, class Scheduler>
  [[nodiscard]] static bool belongs_to(const Op& op, const Scheduler& s) {
    return op.belongs_to(s);
  }

  /// The parts of a `call_limit`: the limit of its own, and how that of a caller counts beside it.
  template <class Limit>
  [[nodiscard]] static constexpr auto own(const Limit& limit) noexcept {
    return limit.own();
  }
  template <class Limit>
  [[nodiscard]] static constexpr auto stage(const Limit& limit) noexcept {
    return limit.stage();
  }

  /// A call by a `server_ref`, unchecked, to be awaited as it stands.
  template <class Ref, class Message, class Limit>
  [[nodiscard]] static auto make_call(const Ref& to, Message&& message, Limit limit) {
    return to.make_call(std::forward<Message>(message), limit);
  }

  /// The slot of the living process that a `pid`, a `process_ref` or an `executor` names, or null.
  template <class Name>
  [[nodiscard]] static auto* slot(const Name& name) {
    return name.get();
  }
  /// The scheduler of a `pid` or a `process_ref`, or null.
  template <class Name>
  [[nodiscard]] static auto* home(const Name& name) {
    return name.home();
  }
  /// The scheduler of a `process_ref`, or else that of the calling process.
  template <class Ref>
  [[nodiscard]] static auto& home_or_here(const Ref& ref) {
    return ref.home_or_here();
  }
  /// The serial number of the scheduler of a `process_ref`; 0 for an empty one.
  template <class Ref>
  [[nodiscard]] static std::uint64_t serial(const Ref& ref) {
    return ref.serial();
  }
  /// The executor of whichever process is in that slot at the moment of copying.
  template <class Executor, class Process>
  [[nodiscard]] static Executor of_slot(Process& p) {
    return Executor::of_slot(p);
  }

  /// The core of an `async_task`, of which the caller is the owner.
  template <class Task>
  [[nodiscard]] static const auto& checked(const Task& task) {
    return task.checked();
  }
};

}  // namespace coppice::detail
