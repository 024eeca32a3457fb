#pragma once

#include <coppice/process.hpp>

#include <boost/system/error_code.hpp>

#include <memory>
#include <optional>
#include <string>
#include <utility>

// What is heard of the end of one process.
class ending {
 public:
  explicit ending(const coppice::pid& process) {
    coppice::await_exit(process)(
        [heard = reason_](const boost::system::error_code&, coppice::exit_reason reason) {
          heard->emplace(std::move(reason));
        });
  }

  [[nodiscard]] const std::optional<coppice::exit_reason>& reason() const { return *reason_; }
  // "not yet" until it is heard.
  [[nodiscard]] std::string text() const { return *reason_ ? (*reason_)->to_string() : "not yet"; }

 private:
  std::shared_ptr<std::optional<coppice::exit_reason>> reason_ =
      std::make_shared<std::optional<coppice::exit_reason>>();
};

// Writes its name into a log when it is destroyed. Moved from, it is silent.
class traced {
 public:
  traced(std::string& log, std::string name) : log_{&log}, name_{std::move(name)} {}
  traced(traced&& other) noexcept
      : log_{std::exchange(other.log_, nullptr)}, name_{std::move(other.name_)} {}
  traced(const traced&) = delete;
  traced& operator=(const traced&) = delete;
  ~traced() {
    if (log_ != nullptr) *log_ += name_ + ' ';
  }

 private:
  std::string* log_;
  std::string name_;
};
