#pragma once

#include <utility>

namespace coppice::detail {

// An optional value that lies on the heap: for what few objects have, and the others are neither to
// be larger for nor to pay for more than a test. A copy has a value of its own.
template <class T>
class rare {
 public:
  rare() noexcept = default;
  rare(T value) : value_{new T{std::move(value)}} {}
  rare(const rare& other) : value_{other ? new T{*other} : nullptr} {}
  rare(rare&& other) noexcept : value_{std::exchange(other.value_, nullptr)} {}
  rare& operator=(rare other) noexcept {
    std::swap(value_, other.value_);
    return *this;
  }
  ~rare() {
    if (value_ != nullptr) destroy(value_);
  }

  explicit operator bool() const noexcept { return value_ != nullptr; }
  [[nodiscard]] T& operator*() noexcept { return *value_; }
  [[nodiscard]] const T& operator*() const noexcept { return *value_; }
  [[nodiscard]] T* operator->() noexcept { return value_; }
  [[nodiscard]] const T* operator->() const noexcept { return value_; }
  // Null if there is none.
  [[nodiscard]] const T* get() const noexcept { return value_; }

 private:
  // Not inlined: its code would make the destructors around it save registers, value or not.
  [[gnu::noinline]] static void destroy(T* value) noexcept { delete value; }

  T* value_ = nullptr;
};

}  // namespace coppice::detail
