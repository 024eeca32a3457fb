#include "support/sqlite_office.hpp"

#include <coppice/sqlite_stash.hpp>

#include <doctest/doctest.h>

#include <cstddef>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

using boost::system::error_code;
using coppice::errc;
using coppice::server_ref;
namespace fs = std::filesystem;

// What a stash says of a file that is not as it was written.

namespace {

std::string bytes_of(const fs::path& file) {
  std::ifstream in{file, std::ios::binary};
  return {std::istreambuf_iterator<char>{in}, {}};
}

void write(const fs::path& file, const std::string& bytes) {
  std::ofstream{file, std::ios::binary} << bytes;
}

void flip_bit(const fs::path& file, std::size_t at, int bit = 0) {
  std::string bytes = bytes_of(file);
  REQUIRE(at < bytes.size());
  bytes[at] = static_cast<char>(bytes[at] ^ 1 << bit);
  write(file, bytes);
}

// Where the bytes are in the file, behind the text of the schema.
std::size_t place_of(const std::string& bytes, const fs::path& file) {
  const std::size_t at = bytes_of(file).rfind(bytes);
  REQUIRE(at != std::string::npos);
  return at;
}

// What a program left behind that has ended: a server whose state is 101, and another one.
struct legacy {
  temporary_folder folder;
  fs::path file = folder.path / "states";

  legacy() {
    office w{file};
    const auto sup = w.start({numbers()});
    w.ask(number::save{});
    w.put("other", 7);
    w.stop(sup);
  }
  void change(const std::string& sql) const { CHECK(stranger{file}.run(sql).empty()); }
  // What the reports of the next program say; the state with which the server starts, if it does.
  [[nodiscard]] std::string next_program() const {
    office w{file};
    w.start({numbers()});
    if (coppice::process_ref{w.io, "number"}.whereis()) return w.ask(number::next{});
    std::string all;
    for (const std::string& r : w.reports) all += r + '\n';
    return all;
  }
  [[nodiscard]] bool next_program_says(const std::string& text) const {
    const std::string said = next_program();
    CAPTURE(said);
    CHECK(said.find(text) != std::string::npos);
    return said.find(text) != std::string::npos;
  }
  [[nodiscard]] std::string unreadable(const std::string& why) const {
    return R"(coppice: the state that is kept of "number" cannot be read: ")" + file.string() +
           "\": " + why;
  }
};

constexpr const char* unfit = "it is damaged: its checksum does not fit";

}  // namespace

TEST_CASE("a flipped bit in a state on disk is a failed start of its server, and stays") {
  const legacy old;
  CHECK(old.next_program() == "101");
  // Each is a number that the server would take.
  flip_bit(old.file, place_of("number101", old.file) + 8);
  CHECK(old.next_program_says(old.unreadable(unfit)));
  CHECK(stranger{old.file}.run("SELECT state FROM states WHERE key = 'number'") == "100");
  office w{old.file};
  w.start();
  CHECK(w.look<int>("number").first == errc::unreadable);
  CHECK(w.get<int>("other") == 7);
  CHECK(w.put("number", 5) == error_code{});
  CHECK(w.get<int>("number") == 5);
}

TEST_CASE("a state on disk is read under its own key and with its own count only") {
  const legacy old;
  SUBCASE("another key") {
    old.change("DELETE FROM states WHERE key = 'number'");
    old.change("UPDATE states SET key = 'number'");
  }
  SUBCASE("the state of another key") {
    old.change(
        "UPDATE states SET (state, checksum) ="
        " (SELECT state, checksum FROM states WHERE key = 'other') WHERE key = 'number'");
  }
  SUBCASE("another count of crashes") { old.change("UPDATE states SET crashes = 3"); }
  CHECK(old.next_program_says(old.unreadable(unfit)));
}

TEST_CASE("a state that is written by hand has no checksum") {
  const legacy old;
  old.change("UPDATE states SET state = '55', checksum = NULL WHERE key = 'number'");
  CHECK(old.next_program() == "55");
}

TEST_CASE("a flipped bit in a key on disk does not make its server start afresh") {
  const legacy old;
  const std::size_t in_row = place_of("number101", old.file);
  std::size_t in_index = bytes_of(old.file).find("number");
  if (in_index == in_row) in_index = bytes_of(old.file).find("number", in_row + 1);
  SUBCASE("in the index") {
    flip_bit(old.file, in_index);
    CHECK(old.next_program_says(old.unreadable("the index of its keys is damaged")));
  }
  SUBCASE("in the row, which is found by the index") {
    flip_bit(old.file, in_row);
    CHECK(old.next_program() == "101");
  }
}

TEST_CASE("no flipped bit in the file makes a server start afresh, or with another state") {
  const legacy old;
  const std::string whole = bytes_of(old.file);
  for (std::size_t i = 0; i < whole.size(); ++i) {
    if (whole[i] == '\0') continue;
    write(old.file, whole);
    flip_bit(old.file, i, static_cast<int>(i % 8));
    const std::string said = old.next_program();
    CAPTURE(i);
    CAPTURE(said);
    const bool restored = said == "101";
    const bool refused = said.find("cannot be") != std::string::npos;
    CHECK((restored || refused));
  }
}

TEST_CASE("a malformed file is a failed start, with its name and SQLite's words") {
  const legacy old;
  std::string bytes = bytes_of(old.file);
  bytes.replace(4096, 4096, std::string(4096, 'x'));  // the page of the table
  write(old.file, bytes);
  CHECK(old.next_program_says(old.unreadable("database disk image is malformed")));
}

TEST_CASE("a put into a malformed file fails, and ends the stash") {
  const legacy old;
  std::string bytes = bytes_of(old.file);
  bytes.replace(4096, 4096, std::string(4096, 'x'));
  write(old.file, bytes);
  office w{old.file};
  w.start();
  const ending end{coppice::process_ref{w.io, "stash"}.whereis()};
  CHECK(w.put("number", 1).message() == "database disk image is malformed");
  w.until([&end] { return end.reason().has_value(); });
  CHECK(end.text().find("coppice: the stash in \"" + old.file.string() +
                        "\" cannot go on: database disk image is malformed") != std::string::npos);
}

TEST_CASE("a file without checksums gets them as its states are put") {
  const temporary_folder folder;
  const fs::path file = folder.path / "states";
  {
    stranger s{file};
    s.run(
        "CREATE TABLE states"
        " (key TEXT PRIMARY KEY NOT NULL, state BLOB NOT NULL, crashes INTEGER NOT NULL)");
    s.run("INSERT INTO states VALUES ('number', CAST('41' AS BLOB), 0)");
    s.run("INSERT INTO states VALUES ('other', CAST('7' AS BLOB), 2)");
  }
  office w{file};
  w.start({numbers()});
  CHECK(w.get<int>("other") == 7);
  CHECK(w.ask(number::save{}) == "42");
  stranger s{file};
  CHECK(s.run("PRAGMA user_version") == "1");
  CHECK(s.run("SELECT checksum IS NULL FROM states WHERE key = 'number'") == "0");
  CHECK(s.run("SELECT checksum IS NULL FROM states WHERE key = 'other'") == "1");
}

TEST_CASE("two stashes that find a file without checksums at the same time both take it") {
  const temporary_folder folder;
  stranger{folder.path / "states"}.run(
      "CREATE TABLE states"
      " (key TEXT PRIMARY KEY NOT NULL, state BLOB NOT NULL, crashes INTEGER NOT NULL)");
  office a{folder.path / "states"};
  office b{folder.path / "states"};
  for (office* w : {&a, &b}) {
    coppice::start_supervisor(w->io, {.strategy = coppice::strategy::one_for_one,
                                      .children = {coppice::sqlite_stash("stash", w->file)}});
    w->io.poll();
  }
  a.until_up("stash");
  b.until_up("stash");
  CHECK(a.put("a", 1) == error_code{});
  CHECK(b.get<int>("a") == 1);
}

TEST_CASE("a file of another shape or of a later version is left as it is") {
  const temporary_folder folder;
  office w{folder.path / "states"};
  SUBCASE("another shape") {
    stranger{w.file}.run("CREATE TABLE states (name)");
    w.start();
    CHECK(w.reported("cannot be opened: table states has no column named key"));
    CHECK(stranger{w.file}.run("SELECT sql FROM sqlite_schema") == "CREATE TABLE states (name)");
  }
  SUBCASE("a later version") {
    stranger{w.file}.run("PRAGMA user_version = 2");
    w.start();
    CHECK(w.reported("cannot be opened: it was made by a later version of coppice"));
  }
}
