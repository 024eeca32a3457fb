#pragma once

#include "input.hpp"
#include "user_interface.hpp"

namespace sequence {

/// Standard input line by line, and standard output.
class pipe_interface final : public user_interface {
 public:
  explicit pipe_interface(boost::asio::io_context& io);

  boost::asio::awaitable<std::optional<std::string>> read_line() override;
  boost::asio::awaitable<void> read_key() override;
  void print(std::string_view lines) override;
  std::unique_ptr<page> open_page() override { return nullptr; }

 private:
  input input_;
};

}  // namespace sequence
