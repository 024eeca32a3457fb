#pragma once

#include <exception>
#include <memory>
#include <typeinfo>

namespace coppice::detail {

// Gives the exception as a T, or null if it is no T. The result is valid for as long as an
// exception_ptr to the same exception lives.
//
// This is asked at every abnormal end of a process. A rethrow, the only way that the standard
// offers, takes thousands of instructions, so libstdc++ is asked by what it has beyond the
// standard.
template <class T>
const T* exception_cast(const std::exception_ptr& exception) noexcept {
#if defined(__GLIBCXX__)
  // An exception_ptr of libstdc++ is one pointer to the thrown object, and type_info can tell
  // whether and where a base lies in it. __do_catch moves `object` to that base.
  static_assert(sizeof(std::exception_ptr) == sizeof(void*));
  if (!exception) return nullptr;
  const std::type_info* thrown = exception.__cxa_exception_type();
  void* object = *reinterpret_cast<void* const*>(&exception);
  if (thrown == nullptr || !typeid(T).__do_catch(thrown, &object, 1)) return nullptr;
  return static_cast<const T*>(object);
#else
  if (!exception) return nullptr;
  try {
    std::rethrow_exception(exception);
  } catch (const T& e) {
    return std::addressof(e);
  } catch (...) {
    return nullptr;
  }
#endif
}

}  // namespace coppice::detail
