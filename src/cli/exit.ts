/**
 * Exit codes, documented in README.md. `record` and `run` give the command's own status, so their own failures use the
 * numbers that env(1), timeout(1) and docker-run(1) use for theirs.
 */
export const EXIT = {
  ok: 0,
  different: 1,
  error: 2,
  couldNotTell: 3,
  recorderFailed: 125,
  notExecutable: 126,
  notFound: 127,
} as const;
