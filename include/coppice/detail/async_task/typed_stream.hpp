#pragma once

#include <coppice/detail/async_task/async_waits.hpp>
#include <coppice/detail/async_task/stream_core.hpp>
#include <coppice/detail/async_task/task_core.hpp>

#include <boost/smart_ptr/intrusive_ptr.hpp>

#include <concepts>
#include <functional>
#include <memory>
#include <optional>
#include <ranges>
#include <type_traits>
#include <utility>

namespace coppice::detail {

// The function of a task of a stream: the user's function, which all tasks share, and one item.
template <class F, class Item>
struct item_call {
  std::shared_ptr<F> function;
  Item item;
  auto operator()() { return std::invoke(*function, std::move(item)); }
};

template <class Range, class F>
concept streamable = std::ranges::input_range<Range> && std::movable<Range> &&
    std::invocable<F&, std::ranges::range_value_t<Range>> &&
    async_function<item_call<F, std::ranges::range_value_t<Range>>>;

template <class Range, class F>
using stream_call = item_call<F, std::ranges::range_value_t<Range>>;

// The typed part of a stream: the source, and the function for its items. The source is read one
// item at a time, when there is room for a task.
template <class Range, class F>
class typed_stream final : public stream_core {
 public:
  using call_type = stream_call<Range, F>;
  using value_type = typename awaitable_of<call_type>::value_type;

  typed_stream(Range range, F f, stream_settings s)
      : stream_core{std::move(s)},
        range_{std::move(range)},
        function_{std::make_shared<F>(std::move(f))} {}

 private:
  using item_type = std::ranges::range_value_t<Range>;

  ~typed_stream() override { close(); }

  bool pull() override {
    // The iterator is advanced when the next item is needed and not before: reading from an input
    // range may wait for something, or have effects.
    if (at_) {
      ++*at_;
    } else {
      at_.emplace(std::ranges::begin(*range_));
    }
    if (*at_ == std::ranges::end(*range_)) return false;
    boost::intrusive_ptr<typed_task<value_type>> core{
        new typed_task<value_type>{home(), consumer(), task_core::link_mode::none}};
    start(core, make_task_body(call_type{function_, next_item()}, origin(core)));
    return true;
  }

  // A range may be a view of somebody else's container: its items are copied, unless they can only
  // be moved.
  item_type next_item() {
    if constexpr (std::constructible_from<item_type, std::ranges::range_reference_t<Range>>) {
      return item_type(**at_);
    } else {
      return item_type(std::ranges::iter_move(*at_));
    }
  }

  // The iterator refers into the range, and goes first.
  void drop_source() noexcept override {
    at_.reset();
    range_.reset();
  }

  std::optional<Range> range_;
  std::optional<std::ranges::iterator_t<Range>> at_;
  std::shared_ptr<F> function_;
};

}  // namespace coppice::detail
