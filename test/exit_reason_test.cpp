#include <coppice/exit_reason.hpp>

#include <doctest/doctest.h>

#include <exception>
#include <sstream>
#include <stdexcept>
#include <string>
#include <typeinfo>

using coppice::exit_reason;

namespace {

struct plain {};

struct side {
  virtual ~side() = default;
  int padding = 1;
};
// std::exception is not where the object begins.
struct crooked : side, std::runtime_error {
  crooked() : std::runtime_error{"second base"} {}
};
struct secretive : private std::runtime_error {
  secretive() : std::runtime_error{"private"} {}
};
struct silent : std::exception {
  [[nodiscard]] const char* what() const noexcept override { return ""; }
};

}  // namespace

// PROC-02
TEST_CASE("reasons form three classes: normal, shutdown, and all that is abnormal") {
  CHECK(exit_reason{}.is_normal());
  CHECK(exit_reason::normal() == exit_reason{});
  for (const exit_reason& r : {exit_reason::shutdown(), exit_reason::shutdown("note")}) {
    CHECK(r.is_shutdown());
    CHECK_FALSE(r.is_normal());
    CHECK_FALSE(r.is_abnormal());
  }
  for (const exit_reason& r :
       {exit_reason::kill(), exit_reason::killed(), exit_reason::noproc(), exit_reason::timeout(),
        exit_reason::error("text"), exit_reason::error(std::exception_ptr{}),
        exit_reason::error(std::make_exception_ptr(1))}) {
    CHECK(r.is_abnormal());
    CHECK_FALSE(r.is_normal());
    CHECK_FALSE(r.is_shutdown());
  }
}

TEST_CASE("reasons are equal if kind, note and exception object are") {
  CHECK(exit_reason::shutdown() == exit_reason::shutdown());
  CHECK(exit_reason::shutdown("a") == exit_reason::shutdown("a"));
  CHECK(exit_reason::shutdown("a") != exit_reason::shutdown("b"));
  CHECK(exit_reason::shutdown() != exit_reason::shutdown("a"));
  CHECK(exit_reason::shutdown("a") != exit_reason::error("a"));
  CHECK(exit_reason::kill() != exit_reason::killed());
  const auto e = std::make_exception_ptr(std::runtime_error{"x"});
  CHECK(exit_reason::error(e) == exit_reason::error(e));
  CHECK(exit_reason::error(e) !=
        exit_reason::error(std::make_exception_ptr(std::runtime_error{"x"})));
}

// PROC-01
TEST_CASE("an error keeps the exception itself, and tells its type and text") {
  const auto e = std::make_exception_ptr(std::out_of_range{"too far"});
  const exit_reason r = exit_reason::error(e);
  CHECK(r.exception() == e);
  CHECK(*r.exception_type() == typeid(std::out_of_range));
  CHECK(r.what() == "too far");
  CHECK(r.note().empty());
  CHECK(r.to_string() == "std::out_of_range: too far");
  CHECK_THROWS_AS(std::rethrow_exception(r.exception()), std::out_of_range);
}

TEST_CASE("the text is found wherever std::exception lies in the object, if it lies open") {
  const exit_reason skewed = exit_reason::error(std::make_exception_ptr(crooked{}));
  CHECK(skewed.what() == "second base");
  CHECK(*skewed.exception_type() == typeid(crooked));
  CHECK(exit_reason::error(std::make_exception_ptr(secretive{})).what().empty());
  CHECK(exit_reason::error(std::make_exception_ptr(plain{})).what().empty());
  CHECK(exit_reason::error(std::make_exception_ptr(42)).what().empty());
  CHECK(exit_reason::error(std::make_exception_ptr(42)).to_string() == "int");
  CHECK(exit_reason::error(std::make_exception_ptr<const char*>("text")).what().empty());
  CHECK(exit_reason::error(std::make_exception_ptr(silent{})).to_string().find("silent") !=
        std::string::npos);
}

TEST_CASE("the text is found in the object that was thrown, not behind a thrown pointer") {
  const std::runtime_error thrown{"pointed at"};
  const std::exception* pointer = &thrown;
  CHECK(exit_reason::error(std::make_exception_ptr(pointer)).what().empty());
  exit_reason caught;
  try {
    throw std::domain_error{"by itself"};
  } catch (...) {
    caught = exit_reason::error(std::current_exception());
  }
  CHECK(caught.what() == "by itself");
}

TEST_CASE("every reason says itself in one line") {
  CHECK(exit_reason::normal().to_string() == "normal");
  CHECK(exit_reason::shutdown().to_string() == "shutdown");
  CHECK(exit_reason::shutdown("reload").to_string() == "shutdown: reload");
  CHECK(exit_reason::kill().to_string() == "kill");
  CHECK(exit_reason::killed().to_string() == "killed");
  CHECK(exit_reason::noproc().to_string() == "noproc");
  CHECK(exit_reason::timeout().to_string() == "timeout");
  CHECK(exit_reason::error("text").to_string() == "error: text");
  CHECK(exit_reason::error("text").what() == "text");
  CHECK(exit_reason::error(std::exception_ptr{}).to_string() == "error");
  CHECK(exit_reason::error(std::exception_ptr{}).exception_type() == nullptr);
  std::ostringstream out;
  out << exit_reason::shutdown("reload");
  CHECK(out.str() == "shutdown: reload");
}

TEST_CASE("a reason that was moved from can be assigned again, and a copy is its own") {
  exit_reason r = exit_reason::error(std::make_exception_ptr(std::runtime_error{"x"}));
  const exit_reason copy = r;
  const exit_reason moved = std::move(r);
  CHECK(copy == moved);
  r = exit_reason::shutdown("again");
  CHECK(r.to_string() == "shutdown: again");
  CHECK(copy == moved);
}

TEST_CASE("an exit_exception carries its reason and is a std::exception") {
  const coppice::exit_exception e{exit_reason::shutdown("note")};
  CHECK(e.reason() == exit_reason::shutdown("note"));
  CHECK(std::string{e.what()} == "coppice: process exit");
}
