#pragma once

#include <coppice/config.hpp>
#include <coppice/detail/base/memory.hpp>

#include <boost/asio/any_io_executor.hpp>

#include <memory>
#include <type_traits>
#include <utility>

namespace coppice::detail {

// Holds a function object of any movable type, which is called once at most. The storage is freed
// before the function runs, as Asio does with its handlers: the function may destroy anything.
//
// Asio gets this type in place of lambdas. It instantiates some fifty functions for each type of
// handler, and these were most of what a user of coppice had to compile.
class COPPICE_API move_only_function {
 public:
  template <class F>
  requires(!std::is_same_v<F, move_only_function>)
  move_only_function(F f) : holder_{new holder_of<F>{std::move(f)}} {}

  void operator()() { holder_.release()->call(); }

 private:
  struct COPPICE_API holder : pooled {
    holder() = default;
    holder(const holder&) = delete;
    holder& operator=(const holder&) = delete;
    virtual ~holder();
    virtual void call() = 0;  // deletes itself
  };

  template <class F>
  struct holder_of final : holder {
    explicit holder_of(F&& f) : function{std::move(f)} {}
    void call() override {
      F local{std::move(function)};
      delete this;
      local();
    }
    F function;
  };

  std::unique_ptr<holder> holder_;
};

// Refers to a function object, for those who call it before they return.
class function_ref {
 public:
  template <class F>
  requires(!std::is_same_v<F, function_ref>)
  explicit function_ref(F& f) noexcept
      : object_{&f}, call_{[](void* object) { (*static_cast<F*>(object))(); }} {}

  void operator()() const { call_(object_); }

 private:
  void* object_;
  void (*call_)(void*);
};

// Runs `f` through the executor as asio::dispatch does: at once, if the executor allows that.
COPPICE_API void dispatch(const boost::asio::any_io_executor& ex, move_only_function f);

}  // namespace coppice::detail
