#pragma once

#include <coppice/config.hpp>

#include <cstdint>
#include <utility>

namespace coppice::detail {

class process;
class body_ptr;

// What a process does, whatever kind of coroutine it is written as. Shared between the specs it was
// given in and the processes that run it, because a body may refer to what its callable captured.
// Counted without atomics: bodies stay on the thread of their loop.
class COPPICE_API body {
 public:
  body(const body&) = delete;
  body& operator=(const body&) = delete;

  // The type of runner that it needs, or null. Slots that have one of that type are used first.
  [[nodiscard]] const void* kind() const noexcept { return kind_; }
  // What is run for one child of a supervisor, start after start. `self` refers to this.
  virtual body_ptr for_child(const body_ptr& self);
  // Called when a process for it has been spawned, but has not run.
  virtual void prepare(process&) {}
  // Runs the process up to its first wait. Called once a process, with that process current.
  virtual void launch(process& p) = 0;

  // Whether the body takes part in the start handshake (init_ack).
  [[nodiscard]] bool acknowledges() const noexcept { return acknowledges_; }
  // Whether it stands for a child that cannot be, and is run by nobody.
  [[nodiscard]] bool is_refused() const noexcept { return refused_; }

 protected:
  struct refused_t {};
  body(const void* kind, bool acknowledges) noexcept : kind_{kind}, acknowledges_{acknowledges} {}
  explicit body(refused_t) noexcept : kind_{nullptr}, acknowledges_{false}, refused_{true} {}
  virtual ~body();

 private:
  friend class body_ptr;
  // One that refers to it is gone, and had that payload.
  virtual void released(void* payload) noexcept;

  const void* kind_;
  std::uint32_t references_ = 0;
  bool acknowledges_;
  bool refused_ = false;
};

// Refers to a body. A coroutine that can be run only once travels along as a payload, which belongs
// to this, and the body itself is then the same for all of that type.
class body_ptr {
 public:
  body_ptr() noexcept = default;
  explicit body_ptr(body* b, void* payload = nullptr) noexcept : body_{b}, payload_{payload} {
    ++b->references_;
  }
  body_ptr(const body_ptr& other) noexcept : body_{other.body_} {
    if (body_ != nullptr) ++body_->references_;
  }
  body_ptr(body_ptr&& other) noexcept
      : body_{std::exchange(other.body_, nullptr)},
        payload_{std::exchange(other.payload_, nullptr)} {}
  body_ptr& operator=(const body_ptr& other) noexcept { return *this = body_ptr{other}; }
  body_ptr& operator=(body_ptr&& other) noexcept {
    reset();
    body_ = std::exchange(other.body_, nullptr);
    payload_ = std::exchange(other.payload_, nullptr);
    return *this;
  }
  ~body_ptr() { reset(); }

  explicit operator bool() const noexcept { return body_ != nullptr; }
  body* operator->() const noexcept { return body_; }
  body& operator*() const noexcept { return *body_; }
  void reset() noexcept {
    if (body_ == nullptr) return;
    void* const payload = std::exchange(payload_, nullptr);
    std::exchange(body_, nullptr)->released(payload);
  }
  [[nodiscard]] void* take_payload() noexcept { return std::exchange(payload_, nullptr); }

 private:
  body* body_ = nullptr;
  void* payload_ = nullptr;
};

}  // namespace coppice::detail
