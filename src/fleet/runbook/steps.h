// A runbook as a list of steps, for whoever follows it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace freshet::fleet {

enum class StepKind : uint8_t {
  kPeople,      // has no command, or one that is run when people have done the rest
  kCheck,       // its command is run until its exit status is 0
  kLook,        // its command is run once, for people to look at; 0 and 1 are well
  kMirror,      // the mirror of `mirror` runs from here on
  kMirrorsEnd,  // all that were started end
};

struct RunbookStep {
  StepKind kind = StepKind::kPeople;
  std::string part;        // the heading that it is under
  std::string what;        // in words
  std::string command;     // of the shell, with its lines; "": none
  std::string mirror;      // kMirror: its file's name
  std::string way_back;    // in words; "": there is none, or nothing was changed
  bool by_people = false;  // something has to be done that no command of ours does
};

struct RunbookFile {
  std::string name, text;
};

}  // namespace freshet::fleet
