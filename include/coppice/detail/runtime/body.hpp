#pragma once

#include <coppice/config.hpp>

#include <cstdint>
#include <utility>

namespace coppice::detail {

class process;
class body_ptr;

// The body of a process: its code, whatever kind of coroutine it is written as. A body is shared by
// the specs that contain it and the processes that run it, because coroutines may refer to what its
// callable has captured. References are counted without atomics: bodies stay on the thread of their
// loop.
class COPPICE_API body {
 public:
  body(const body&) = delete;
  body& operator=(const body&) = delete;

  // The type of runner that the body needs, or null. Slots with a parked runner of that type are
  // used first.
  [[nodiscard]] const void* kind() const noexcept { return kind_; }
  // Gives the body that is run for one child of a supervisor, start after start. `self` refers to
  // this.
  virtual body_ptr for_child(const body_ptr& self);
  // Called when a process for this body has been spawned, and has not run.
  virtual void prepare(process&) {}
  // Runs the process up to its first wait. Called once a process, with that process current.
  virtual void launch(process& p) = 0;

  // Tells whether the body takes part in the start handshake (init_ack).
  [[nodiscard]] bool acknowledges() const noexcept { return acknowledges_; }
  // Tells whether the body stands for a child whose spec breaks a rule. Such a body is never run.
  [[nodiscard]] bool is_refused() const noexcept { return refused_; }

 protected:
  struct refused_t {};
  body(const void* kind, bool acknowledges) noexcept : kind_{kind}, acknowledges_{acknowledges} {}
  explicit body(refused_t) noexcept : kind_{nullptr}, acknowledges_{false}, refused_{true} {}
  virtual ~body();

 private:
  friend class body_ptr;
  // Called when a body_ptr to this body is destroyed. `payload` is what that still carried, or
  // null.
  virtual void released(void* payload) noexcept;

  const void* kind_;
  std::uint32_t references_ = 0;
  bool acknowledges_;
  bool refused_ = false;
};

// A reference to a body. A coroutine that can be run only once is carried as a payload, which
// belongs to the reference and is not copied with it; the body itself is then one object for all
// coroutines of that type, and nothing is allocated for each.
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
