#include "base/per_process.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

namespace sinew {
namespace {

struct Count {
  int value = 0;
};

int exit_code_of(pid_t child) {
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  return WEXITSTATUS(status);
}

TEST(PerProcess, AChildHasItsOwn) {
  per_process<Count>().value = 7;
  EXPECT_EQ(&per_process<Count>(), &per_process<Count>());
  const pid_t child = ::fork();
  if (child == 0) ::_exit(per_process<Count>().value);
  EXPECT_EQ(exit_code_of(child), 0);
  EXPECT_EQ(per_process<Count>().value, 7);
}

int forks = 0;
const AfterFork count_forks([] { ++forks; });

TEST(PerProcess, WhatIsToBeDoneAfterAForkIsDoneInEachGeneration) {
  const pid_t child = ::fork();
  if (child == 0) {
    const pid_t grandchild = ::fork();
    if (grandchild == 0) ::_exit(forks);
    ::_exit(exit_code_of(grandchild) * 10 + forks);
  }
  EXPECT_EQ(exit_code_of(child), 21);
  EXPECT_EQ(forks, 0);
}

}  // namespace
}  // namespace sinew
