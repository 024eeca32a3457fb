#include "reply.hpp"

#include <algorithm>
#include <charconv>
#include <iterator>
#include <utility>

namespace keyvalue {

void reply_buffer::hold(std::shared_ptr<blob> value) {
  const std::size_t size = value->size();
  held_.push_back({std::move(value), size, text_.size()});
  held_bytes_ += size;
  if (!held_.back().value->hold(budget_)) refused_ = true;
}

std::span<const std::string_view> reply_buffer::slice() {
  std::size_t count = 0;
  std::size_t room = slice_size;
  std::size_t text = sent_;
  std::size_t offset = offset_;
  const auto add = [&](std::string_view piece) {
    piece = piece.substr(0, room);
    room -= piece.size();
    if (!piece.empty()) slice_[count++] = piece;
    return piece.size();
  };
  for (std::size_t i = current_; i <= held_.size(); ++i, offset = 0) {
    const std::size_t end = i < held_.size() ? held_[i].at : text_.size();
    if (count == slice_.size() || room == 0) break;
    text += add(std::string_view{text_}.substr(text, end - text));
    if (text < end || i == held_.size()) break;
    const held_value& h = held_[i];
    while (offset < h.size && room > 0 && count < slice_.size()) {
      offset += add(h.value->at(offset).substr(0, h.size - offset));
    }
    if (offset < h.size) break;
  }
  return std::span{slice_}.first(count);
}

void reply_buffer::sent(std::size_t size) {
  while (size > 0) {
    const std::size_t end = current_ < held_.size() ? held_[current_].at : text_.size();
    const std::size_t text = std::min(size, end - sent_);
    sent_ += text;
    size -= text;
    if (size == 0 || current_ == held_.size()) break;
    held_value& h = held_[current_];
    const std::size_t part = std::min(size, h.size - offset_);
    offset_ += part;
    held_bytes_ -= part;
    size -= part;
    if (offset_ < h.size) break;
    offset_ = 0;
    ++current_;
    h.value->release(budget_);
    h.value.reset();
  }
  if (empty()) clear();
}

void reply_buffer::rewind(const mark& to) {
  drop_held(to.held);
  text_.resize(to.text);
  if (text_.capacity() > usual_text) text_.shrink_to_fit();
  refused_ = false;
}

bool reply_buffer::pay() {
  const std::size_t size = text_.capacity();
  return text_share_.resize(size > usual_text ? size : 0) && !refused_;
}

void reply_buffer::drop_held(std::size_t from) noexcept {
  for (std::size_t i = std::max(from, current_); i < held_.size(); ++i) {
    held_bytes_ -= held_[i].size - (i == current_ ? offset_ : 0);
    held_[i].value->release(budget_);
  }
  held_.erase(held_.begin() + static_cast<std::ptrdiff_t>(from), held_.end());
}

void reply_buffer::clear() {
  drop_held(0);
  held_.clear();
  current_ = sent_ = offset_ = 0;
  text_.clear();
  // A long reply is no reason to keep so much for the next one.
  if (text_.capacity() > usual_text) {
    text_.shrink_to_fit();
    text_share_.clear();
  }
}

void reply_writer::simple(std::string_view text) {
  out_.text().push_back('+');
  out_.text().append(text).append("\r\n");
}

void reply_writer::error(std::string_view text) {
  out_.text().push_back('-');
  for (const char c : text) out_.text().push_back(c == '\r' || c == '\n' ? ' ' : c);
  out_.text().append("\r\n");
}

void reply_writer::integer(std::int64_t value) { line(':', value); }

void reply_writer::bulk(std::string_view value) {
  line('$', static_cast<std::int64_t>(value.size()));
  out_.text().append(value).append("\r\n");
}

void reply_writer::bulk(std::shared_ptr<blob> value) {
  line('$', static_cast<std::int64_t>(value->size()));
  out_.hold(std::move(value));
  out_.text().append("\r\n");
}

void reply_writer::verbatim(std::string_view text) {
  if (version_ == protocol::resp2) return bulk(text);
  line('=', static_cast<std::int64_t>(text.size() + 4));
  out_.text().append("txt:").append(text).append("\r\n");
}

void reply_writer::null() { out_.text().append(version_ == protocol::resp2 ? "$-1\r\n" : "_\r\n"); }

void reply_writer::array(std::size_t size) { line('*', static_cast<std::int64_t>(size)); }

void reply_writer::map(std::size_t size) {
  if (version_ == protocol::resp2) return array(2 * size);
  line('%', static_cast<std::int64_t>(size));
}

void reply_writer::line(char type, std::int64_t value) {
  char text[24];
  text[0] = type;
  char* const end = std::to_chars(text + 1, std::end(text) - 2, value).ptr;
  end[0] = '\r';
  end[1] = '\n';
  out_.text().append(text, end + 2);
}

}  // namespace keyvalue
