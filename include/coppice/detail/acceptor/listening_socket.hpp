#pragma once

#include <coppice/acceptor_options.hpp>
#include <coppice/child_spec.hpp>
#include <coppice/config.hpp>
#include <coppice/executor.hpp>
#include <coppice/task.hpp>

#include <boost/system/error_code.hpp>

#include <any>
#include <functional>
#include <memory>
#include <string>

namespace coppice::detail {

class acceptor_core;

// The place of one connection among those that an acceptor may have. It is given back when this is
// destroyed, which is when the frames of the connection's process are gone.
class COPPICE_API connection_place {
 public:
  explicit connection_place(std::shared_ptr<acceptor_core> of) noexcept;
  connection_place(connection_place&&) noexcept = default;
  connection_place& operator=(connection_place&&) = delete;
  ~connection_place();

 private:
  std::shared_ptr<acceptor_core> of_;
};

// A listening socket, whatever its protocol. Whatever is common to all of them is above this.
class listening_socket {
 public:
  listening_socket() = default;
  listening_socket(const listening_socket&) = delete;
  listening_socket& operator=(const listening_socket&) = delete;
  virtual ~listening_socket() = default;

  // Listens at its endpoint; or at `before`, where one before this has listened: if the port was to
  // be any, it is the same one again. Gives where it listens. Throws boost::system::system_error.
  virtual std::any listen(const std::any& before, const acceptor_options& options) = 0;
  virtual void close() noexcept = 0;
  // Accepts a connection and keeps it, or gives an error.
  virtual task<boost::system::error_code> accept() = 0;
  // Makes a child of the connection that was accepted last.
  virtual child_spec make_child(connection_place place) = 0;
};

using make_listening_socket = std::function<std::unique_ptr<listening_socket>(const executor&)>;

// Makes the spec of an acceptor. `endpoint` is its text.
COPPICE_API child_spec acceptor_child(std::string endpoint, acceptor_options options,
                                      bool has_function, make_listening_socket make);

}  // namespace coppice::detail
