#pragma once

#include <unistd.h>
#include <cstdio>
#include <string>

// Calls the function, and returns what is written to stderr meanwhile.
template <class F>
std::string printed(F f) {
  std::fflush(stderr);
  std::FILE* const file = std::tmpfile();
  const int kept = ::dup(2);
  ::dup2(::fileno(file), 2);
  f();
  std::fflush(stderr);
  ::dup2(kept, 2);
  ::close(kept);
  std::rewind(file);
  std::string text;
  for (int c = std::fgetc(file); c != EOF; c = std::fgetc(file)) text += static_cast<char>(c);
  std::fclose(file);
  return text;
}
