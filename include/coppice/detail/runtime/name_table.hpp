#pragma once

#include <coppice/config.hpp>
#include <coppice/detail/base/list.hpp>

#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace coppice::detail {

class process;

// Is told when a process gets ready that has the name, and when the name is free again.
class name_watch : public list_hook {
 public:
  explicit name_watch(std::string name) noexcept : name_{std::move(name)} {}

  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  virtual void name_ready() = 0;
  virtual void name_gone() = 0;

 protected:
  ~name_watch() = default;

 private:
  const std::string name_;
};

// The registered names of an io_context.
class COPPICE_API name_table {
 public:
  // Null if nobody has the name.
  [[nodiscard]] process* find(std::string_view name) const noexcept;
  // Returns false if the name is taken or the process has one.
  bool add(process& p, std::string_view name);
  // Frees the name of a process, if it has one; `its_name` is where it keeps it.
  void remove(std::string& its_name) noexcept;
  // A process that had not acknowledged its start has done so.
  void got_ready(process& p);

  // The watch hears of changes from now on, until it is unlinked. Tells whether a process of its
  // name is ready now.
  bool watch(name_watch& w);

 private:
  [[nodiscard]] list_hook* watches_of(std::string_view name) noexcept;
  void tell_ready(std::string_view name);

  std::unordered_map<std::string, process*> names_;
  std::unordered_map<std::string, list_hook> watches_;  // the names that anybody has ever watched
};

}  // namespace coppice::detail
