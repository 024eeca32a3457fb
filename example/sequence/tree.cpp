#include "tree.hpp"

#include "console.hpp"
#include "sequence_ref.hpp"
#include "sequence_server.hpp"

#include <coppice/child_spec.hpp>
#include <coppice/server.hpp>
#include <coppice/stash.hpp>

namespace sequence {

namespace {

coppice::supervisor_spec plain_numbers() {
  return {.name = supervisor_name,
          .strategy = coppice::one_for_one,
          .children = {coppice::server<sequence_server>(server_name, first_number)}};
}

// The server relies on the stash, and therefore comes after it.
coppice::supervisor_spec stashed_numbers() {
  return {.name = supervisor_name,
          .strategy = coppice::rest_for_one,
          .children = {coppice::stash(stash_name),
                       coppice::server_with<stashed_sequence_server>(
                           {.state = coppice::in_stash(stash_name)}, server_name, first_number)}};
}

// Transient: it returns when there is nothing more to read, and is not brought back for that.
coppice::supervisor_spec shell(bool stashed, user_interface& ui) {
  return {.name = shell_name,
          .strategy = coppice::one_for_one,
          .children = {coppice::worker(console_name, [&ui, stashed] {
                         return run_console(ui, sequence_ref{stashed});
                       }).with_restart(coppice::transient)}};
}

}  // namespace

coppice::supervisor_spec make_tree(bool stashed, user_interface& ui) {
  return {.name = tree_name,
          .strategy = coppice::one_for_one,
          .intensity = 0,
          .children = {coppice::supervisor(stashed ? stashed_numbers() : plain_numbers()),
                       coppice::supervisor(shell(stashed, ui))}};
}

}  // namespace sequence
