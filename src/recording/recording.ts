import type { Command, Exit } from '../command/command.ts';
import type { Observation } from './observation.ts';

/** What is recorded: exactly one of these. */
export type Target =
  | { readonly command: readonly string[] }
  | { readonly pid: number }
  | { readonly cgroup: string }
  | { readonly container: string };

/** A recording under way, by whatever it is made. */
export interface Recording {
  /** The observation, when the recording has ended: the last recorded process gone, time over, or {@link stop}. */
  readonly finished: Promise<Observation>;
  /** How the command ended, if it did before the recording; at once with undefined when there is no command. */
  readonly exit: Promise<Exit | undefined>;
  readonly command: Command | undefined;
  /** Calls seen so far, processes ever recorded, and milliseconds since the last new call. */
  progress(): { syscalls: number; processes: number; quiet: number };
  /** Ends the recording now; what still runs goes on unrecorded and makes it partial. */
  stop(): Promise<Observation>;
}
