#pragma once

namespace coppice::detail {

// A node of a circular doubly linked list that does not own its members. The list itself is a hook
// that is not the base of an object. A member can leave at any time without knowing its list, and
// does so in its destructor; a member that is pushed again leaves its former list first. An object
// is in at most one list per hook.
//
// Nothing allocates, so that tearing down cannot fail. The list is circular so that neither pushing
// nor leaving has a special case for the ends.
class list_hook {
 public:
  list_hook() noexcept = default;
  list_hook(const list_hook&) = delete;
  list_hook& operator=(const list_hook&) = delete;
  ~list_hook() { unlink(); }

  // For a list it tells whether it has no members; for a member, whether it is in no list.
  [[nodiscard]] bool empty() const noexcept { return next_ == this; }
  [[nodiscard]] list_hook* front() noexcept { return next_; }
  [[nodiscard]] list_hook* back() noexcept { return prev_; }
  // Null if it has no members.
  [[nodiscard]] list_hook* first() noexcept { return empty() ? nullptr : next_; }
  [[nodiscard]] list_hook* after(list_hook* member) noexcept {
    return member->next_ == this ? nullptr : member->next_;
  }
  [[nodiscard]] list_hook* before(list_hook* member) noexcept {
    return member->prev_ == this ? nullptr : member->prev_;
  }

  void push_back(list_hook& member) noexcept {
    if (!member.empty()) member.unlink();
    member.prev_ = prev_;
    member.next_ = this;
    prev_->next_ = &member;
    prev_ = &member;
  }

  void unlink() noexcept {
    prev_->next_ = next_;
    next_->prev_ = prev_;
    prev_ = next_ = this;
  }

 private:
  list_hook* prev_ = this;
  list_hook* next_ = this;
};

}  // namespace coppice::detail
