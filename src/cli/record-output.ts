import { release } from 'node:os';
import { machine, SECCOMP_ARCH } from '../kernel/abi.ts';
import { syscallName } from '../kernel/syscalls.ts';
import { writeFileAtomic } from '../platform/files.ts';
import { BASE_SYSCALLS, type BuiltProfile, buildProfile } from '../profile/seccomp/build.ts';
import { type Evidence, type EvidenceCall, renderEvidence } from '../profile/seccomp/evidence.ts';
import type { Action } from '../profile/seccomp/model.ts';
import { renderCustomResource, renderRaw, resourceName } from '../profile/seccomp/render.ts';
import type { Runtime } from '../profile/seccomp/runtime-tails.ts';
import type { Observation, ObservedCall } from '../recording/observation.ts';
import { complain, writeAll } from './output.ts';
import { version } from './version.ts';

export interface OutputOptions {
  readonly outputFile?: string;
  readonly type: 'seccomp' | 'raw-seccomp';
  readonly name?: string;
  readonly defaultAction: Action;
  readonly defaultErrno?: number;
  readonly runtime?: Runtime;
  /** False for --no-base-syscalls. */
  readonly baseSyscalls?: readonly string[] | false;
  readonly portable?: true;
  readonly evidence?: string;
}

export interface Delivered {
  readonly built: BuiltProfile;
  readonly written: boolean;
}

function baseOf(choice: OutputOptions['baseSyscalls']): readonly string[] {
  return choice === false ? [] : (choice ?? BASE_SYSCALLS);
}

/** Builds the profile and puts it where it was asked for; on standard error when that fails, so that it is not lost. */
export function deliver(observation: Observation, options: OutputOptions, name: string): Delivered {
  const built = buildProfile({
    machine: machine(),
    sightings: observation.calls,
    defaultAction: options.defaultAction,
    ...(options.defaultErrno !== undefined && { defaultErrno: options.defaultErrno }),
    runtime: options.runtime,
    base: baseOf(options.baseSyscalls),
    portable: options.portable ?? false,
    name: resourceName(name),
  });
  const text = options.type === 'seccomp' ? renderCustomResource(built.profile) : renderRaw(built.profile);
  const profileWritten = write(options.outputFile, text);
  if (!profileWritten) writeAll(2, text);
  const evidence = renderEvidence(makeEvidence(observation, built));
  const evidenceWritten = options.evidence === undefined || write(options.evidence, evidence);
  return { built, written: profileWritten && evidenceWritten };
}

function write(file: string | undefined, text: string): boolean {
  try {
    if (file === undefined) writeAll(1, text);
    else writeFileAtomic(file, text);
    return true;
  } catch (error) {
    const { message, cause } = error as Error;
    complain(`${message}${cause instanceof Error ? `: ${cause.message}` : ''}`);
    return false;
  }
}

function evidenceOf(call: ObservedCall, built: BuiltProfile): EvidenceCall {
  const name = syscallName(call.abi, call.nr) ?? `${call.nr}`;
  // A name can be allowed for several reasons; a call of one ABI and phase was seen for its own.
  const kept = [...(built.sources.get(name) ?? [])].filter((source) => source === 'base' || source === 'portable');
  return {
    name,
    abi: call.abi,
    number: call.nr,
    sources: [call.phase, ...kept],
    ...(call.first && {
      first: { pid: call.first.pid, comm: call.first.comm, time: call.first.time.toISOString() },
    }),
  };
}

function makeEvidence(observation: Observation, built: BuiltProfile): Evidence {
  return {
    version: 1,
    recorder: `syscribe ${version()}`,
    complete: observation.reasons.length === 0,
    reasons: observation.reasons.map(({ message }) => message),
    machine: machine(),
    kernel: release(),
    started: observation.started.toISOString(),
    ended: observation.ended.toISOString(),
    processes: observation.processes,
    syscalls: observation.calls.map((call) => evidenceOf(call, built)),
    notes: notesOf(observation, built),
  };
}

function notesOf(observation: Observation, built: BuiltProfile): string[] {
  const lost = observation.lostEvidence;
  const unknown = lost > 0 ? [`who was first is not known for ${lost} calls: the event ring was full`] : [];
  return [...built.notes, ...unknown];
}

/** What a person wants to know at the end: how many, which architectures, whether that is all, where it went. */
export function summarize(observation: Observation, delivered: Delivered, options: OutputOptions): void {
  const { profile } = delivered.built;
  const seen = new Map<string, number>();
  for (const { abi } of observation.calls) seen.set(SECCOMP_ARCH[abi], (seen.get(SECCOMP_ARCH[abi]) ?? 0) + 1);
  const counts = profile.architectures.map((architecture) => `${architecture} ${seen.get(architecture) ?? 0}`);
  const names = profile.syscalls.reduce((sum, rule) => sum + rule.names.length, 0);
  const time = ((observation.ended.getTime() - observation.started.getTime()) / 1000).toFixed(1);
  complain(`${names} syscalls allowed (seen: ${counts.join(', ')}), ${observation.processes} processes, ${time} s`);
  if (observation.reasons.length === 0) complain('complete');
  for (const { message } of observation.reasons) complain(`partial: ${message}`);
  for (const note of notesOf(observation, delivered.built)) complain(`note: ${note}`);
  if (delivered.written && options.outputFile !== undefined) complain(`written to ${options.outputFile}`);
}
