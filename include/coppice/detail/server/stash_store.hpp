#pragma once

#include <coppice/config.hpp>
#include <coppice/reply_to.hpp>

#include <any>
#include <functional>
#include <string>
#include <vector>

namespace coppice::detail {

// A state between two incarnations.
struct kept_state {
  std::any state;
  unsigned crashes = 0;  // in a row with this state, or one that is equal

  [[nodiscard]] bool has_value() const noexcept { return state.has_value(); }
};

// Where a stash puts what it is given. May answer later, and from other threads.
class COPPICE_API stash_store {
 public:
  stash_store() = default;
  stash_store(const stash_store&) = delete;
  stash_store& operator=(const stash_store&) = delete;
  virtual ~stash_store();

  // The first thing that is asked. Answers with what is in the way, in words, or with nothing.
  // `broken` is told in words, at any time later, why the store is of no use any more.
  virtual void open(std::function<void(std::string)> broken, reply_to<std::string> problem);
  virtual void put(std::string key, kept_state state, reply_to<void> done) = 0;
  // Without value if there is nothing under that key.
  virtual void get(std::string key, reply_to<kept_state> found) = 0;
  // Tells whether there was something.
  virtual void erase(std::string key, reply_to<bool> done) = 0;
  virtual void keys(reply_to<std::vector<std::string>> found) = 0;
  // Answers when everything before it is done.
  virtual void finish(reply_to<void> done) = 0;
};

}  // namespace coppice::detail
