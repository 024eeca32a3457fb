#pragma once

#include <coppice/config.hpp>
#include <coppice/reply_to.hpp>

#include <any>
#include <functional>
#include <string>
#include <vector>

namespace coppice::detail {

// A state between two incarnations of a server.
struct kept_state {
  std::any state;
  unsigned crashes = 0;  // how many incarnations in a row have crashed with this state

  [[nodiscard]] bool has_value() const noexcept { return state.has_value(); }
};

// The interface between a stash and its storage. The functions are called on the loop's thread and
// must not block; answers may be given later and on any thread. Requests take effect in the order
// in which they are made.
class COPPICE_API stash_store {
 public:
  stash_store() = default;
  stash_store(const stash_store&) = delete;
  stash_store& operator=(const stash_store&) = delete;
  virtual ~stash_store();

  // Called first, and once. Answers with the problem in words, or with an empty text. The store may
  // call `broken` at any later time, with the reason in words, if it has become unusable.
  virtual void open(std::function<void(std::string)> broken, reply_to<std::string> problem);
  virtual void put(std::string key, kept_state state, reply_to<void> done) = 0;
  // Answers with a kept_state without value if there is nothing under that key.
  virtual void get(std::string key, reply_to<kept_state> found) = 0;
  // Answers whether there was a state under that key.
  virtual void erase(std::string key, reply_to<bool> done) = 0;
  virtual void keys(reply_to<std::vector<std::string>> found) = 0;
  // Answers when all earlier requests are done.
  virtual void finish(reply_to<void> done) = 0;
};

}  // namespace coppice::detail
