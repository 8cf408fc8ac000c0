/**
 * Syscribe as a library: `record()` gives the same recording as the command, as an async-disposable session.
 *
 * @example
 * ```ts
 * import { record, buildProfile, renderRaw } from 'syscribe';
 *
 * await using session = await record({ command: ['ls', '-l'] });
 * for await (const { name, comm, pid } of session) console.log(`${name}, first by ${comm}[${pid}]`);
 * const { calls, reasons } = await session.finished;
 * ```
 * @module
 */

import { RecordingSession, type SessionSettings } from './recording/ebpf/session.ts';
import type { Target } from './recording/recording.ts';

export type { Exit } from './command/command.ts';
export { machine } from './kernel/abi.ts';
export { type ErrorCode, SyscribeError } from './platform/errors.ts';
export { BASE_SYSCALLS, type BuildInput, type BuiltProfile, buildProfile } from './profile/seccomp/build.ts';
export { mergeProfiles } from './profile/seccomp/merge.ts';
export type { Profile, SyscallRule } from './profile/seccomp/model.ts';
export { parseProfile } from './profile/seccomp/parse.ts';
export { renderCustomResource, renderRaw } from './profile/seccomp/render.ts';
export type {
  RecordingSession,
  SessionSettings,
  Sighting,
} from './recording/ebpf/session.ts';
export type { Observation, ObservedCall, Reason } from './recording/observation.ts';
export type { Target } from './recording/recording.ts';

/**
 * Records a command (started here, from its exec on), a running process, a cgroup or a container. The session ends when
 * the last recorded process is gone, or by `duration`, `untilQuiet`, `signal`, `stop()` or disposal.
 * @throws SyscribeError with a code, a cause and a remedy; nothing is left attached then.
 */
export function record(target: Target, settings: SessionSettings = {}): Promise<RecordingSession> {
  return RecordingSession.start(target, settings);
}
