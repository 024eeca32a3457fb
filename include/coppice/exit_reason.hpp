#pragma once

#include <coppice/config.hpp>

#include <exception>
#include <iosfwd>
#include <string>
#include <string_view>
#include <typeinfo>

namespace boost {
struct source_location;
}

namespace coppice {

/// Why a process ended, or why it is asked to end.
///
/// A small value. A process that returns ends with `normal`; one that throws ends with `error`,
/// which keeps the exception itself, unthrown and unchanged. Reading the type and the text of that
/// exception throws nothing where the C++ library allows it (libstdc++ does).
///
/// @par Thread safety
/// Distinct objects: safe. Shared objects: unsafe.
/// @par Origin
/// Erlang exit reasons, in the three classes that OTP tells apart: normal, expected (`shutdown`,
/// with or without a note) and abnormal. Differs: a reason is not any term.
class COPPICE_API exit_reason {
 public:
  /// The kinds of reasons.
  enum class kind_type : unsigned char {
    normal,    ///< The body returned.
    shutdown,  ///< Asked to end, or ended on purpose; expected, like normal.
    kill,    ///< As a signal: end at once, cannot be refused. As a link's news: an ordinary reason.
    killed,  ///< Ended by a kill.
    noproc,  ///< There is no such process.
    timeout,  ///< A time limit ran out.
    hung,     ///< It made no progress for longer than its `progress_limit` allows.
    error,    ///< An exception, or a failure described by a text.
  };

  /// `normal`.
  exit_reason() noexcept = default;

  /// The body returned.
  static exit_reason normal() noexcept { return exit_reason{kind_type::normal}; }
  /// Asked to end, or ended on purpose.
  static exit_reason shutdown() noexcept { return exit_reason{kind_type::shutdown}; }
  /// A shutdown that says why, as `{shutdown, Term}` does.
  static exit_reason shutdown(std::string_view note);
  /// As a signal: end at once.
  static exit_reason kill() noexcept { return exit_reason{kind_type::kill}; }
  /// Ended by a kill.
  static exit_reason killed() noexcept { return exit_reason{kind_type::killed}; }
  /// There is no such process.
  static exit_reason noproc() noexcept { return exit_reason{kind_type::noproc}; }
  /// A time limit ran out.
  static exit_reason timeout() noexcept { return exit_reason{kind_type::timeout}; }
  /// It made no progress for too long.
  static exit_reason hung() noexcept { return exit_reason{kind_type::hung}; }
  /// A failure that carries an exception. A null pointer is an error without exception.
  static exit_reason error(std::exception_ptr exception) noexcept;
  /// A failure described by a text, without an exception.
  static exit_reason error(std::string_view text);

  /// Which kind of reason it is.
  [[nodiscard]] kind_type kind() const noexcept { return kind_; }
  /// Whether the body returned.
  [[nodiscard]] bool is_normal() const noexcept { return kind_ == kind_type::normal; }
  /// Whether it is a shutdown, with or without a note.
  [[nodiscard]] bool is_shutdown() const noexcept { return kind_ == kind_type::shutdown; }
  /// Neither normal nor shutdown: what a transient child is restarted for.
  [[nodiscard]] bool is_abnormal() const noexcept { return !is_normal() && !is_shutdown(); }

  /// The note of a shutdown or the text of an error made from one; else empty.
  [[nodiscard]] std::string_view note() const noexcept;

  /// The exception of an error; null for everything else.
  [[nodiscard]] std::exception_ptr exception() const noexcept;

  /// The dynamic type of the exception, or null if there is none or the platform cannot tell.
  [[nodiscard]] const std::type_info* exception_type() const noexcept;

  /// What `what()` of the exception says, if it is a `std::exception`; else `note()`. Empty if it
  /// says nothing, and returns null.
  [[nodiscard]] std::string what() const;

  /// One line for people: "normal", "shutdown: note", "killed", "std::runtime_error: text".
  ///
  /// Where in the sources an error of Boost.System came up is left out: "Connection reset by peer
  /// [system:104]". `what()` has it.
  [[nodiscard]] std::string to_string() const;

  /// Same kind, same note, same exception object.
  friend bool operator==(const exit_reason& a, const exit_reason& b) noexcept {
    if (a.kind_ != b.kind_ || a.annotated_ != b.annotated_) return false;
    return a.annotated_ ? a.note() == b.note() : a.detail_ == b.detail_;
  }

 private:
  explicit exit_reason(kind_type kind) noexcept : kind_{kind} {}

  kind_type kind_ = kind_type::normal;
  bool annotated_ = false;     // what `detail_` holds is a text
  std::exception_ptr detail_;  // counted, and one pointer wide
};

/// Writes `to_string()`.
COPPICE_API std::ostream& operator<<(std::ostream& out, const exit_reason& reason);

/// Thrown by a process body to end with a given reason.
///
/// `co_await coppice::exit(reason)` does the same without the cost of a throw.
///
/// @par Origin
/// `erlang:exit/1`.
class COPPICE_API exit_exception : public std::exception {
 public:
  /// Ends with that reason.
  explicit exit_exception(exit_reason reason) noexcept : reason_{std::move(reason)} {}
  ~exit_exception() override;

  /// The reason with which the process ends.
  [[nodiscard]] const exit_reason& reason() const noexcept { return reason_; }
  /// The same text for all; the reason is in `reason()`.
  [[nodiscard]] const char* what() const noexcept override { return "coppice: process exit"; }

 private:
  exit_reason reason_;
};

/// What `value()` of a `boost::system::result<T, exit_reason>` without value does: throws the
/// exception of an error on, and an `exit_exception` for any other reason.
[[noreturn]] COPPICE_API void throw_exception_from_error(const exit_reason& reason,
                                                         const boost::source_location& where);

}  // namespace coppice
