// Statements of a process that knows the shop and its mailer.
#include <coppice.hpp>

#include <string>

struct mailer {
  void handle(const std::string& mail);
};

inline boost::asio::awaitable<void> process() {
  // fragment
}
