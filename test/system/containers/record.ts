import assert from 'node:assert/strict';
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { syscallNumber } from '../../../src/kernel/syscalls.ts';
import { type EvidenceFile, type Finished, readEvidence, start } from '../support/syscribe.ts';
import { CgroupParent } from './cgroup-parent.ts';
import type { RawProfile } from './config.ts';
import { Container } from './container.ts';
import type { Load } from './loads.ts';
import { makeBundle } from './make-bundle.ts';
import type { Runtime } from './runtimes.ts';

const CALLS = fileURLToPath(new URL('../programs/.output/calls', import.meta.url));

/** One cell of the matrix: what is run, by whom, how. */
export interface Case {
  readonly runtime: Runtime;
  readonly load: Load;
  readonly noNewPrivileges: boolean;
}

/** Starts the case's container below `parent`, hands it to `use`, and removes all of it after. */
async function withContainer<T>(
  { runtime, load, noNewPrivileges }: Case,
  parent: CgroupParent,
  settings: { seccomp?: RawProfile; args?: readonly string[] },
  use: (container: Container) => Promise<T>,
): Promise<T> {
  const directory = mkdtempSync(join(tmpdir(), 'syscribe-container-'));
  try {
    const { image, args, user } = load;
    const bundle = makeBundle(directory, {
      image,
      args,
      ...(user !== undefined && { user }),
      noNewPrivileges,
      cgroupsPath: `${parent.name}/c`,
      ...settings,
    });
    copyFileSync(CALLS, join(bundle.run, 'calls'));
    await using container = new Container(runtime, bundle);
    return await use(container);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** A health check or the like: it makes a call that none of the loads makes. */
async function execute(container: Container): Promise<void> {
  const { code, stdout, stderr } = await container.exec('/bin/busybox', 'ionice');
  assert.equal(code, 0, stderr);
  assert.match(stdout, /prio/);
}

/** Records the container from before its birth to its end, with an `exec` into it on the way. */
export async function recordContainer(each: Case): Promise<{ evidence: EvidenceFile; profile: RawProfile }> {
  const directory = mkdtempSync(join(tmpdir(), 'syscribe-recording-'));
  try {
    using parent = new CgroupParent();
    const [profile, evidence] = [join(directory, 'profile'), join(directory, 'evidence')];
    const output = ['-t', 'raw-seccomp', '-o', profile, '--evidence', evidence, '--runtime', each.runtime.kind];
    const recorder = start(['record', ...output, '--cgroup', parent.path]);
    try {
      await recorder.until('stderr', /\brecording\b/);
      await withContainer(each, parent, {}, (container) => each.load.drive(container, () => execute(container)));
      const { code, stderr } = await recorder.finished; // By itself: the last process is gone.
      assert.equal(code, 0, stderr);
    } finally {
      recorder.child.kill('SIGKILL'); // Where something above failed: it would wait for ever.
      await recorder.finished;
    }
    return { evidence: readEvidence(evidence), profile: JSON.parse(readFileSync(profile, 'utf8')) };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Runs the container under a profile; throws unless it does the same work. */
export async function runUnder(each: Case, seccomp: RawProfile): Promise<void> {
  using parent = new CgroupParent();
  await withContainer(each, parent, { seccomp }, (container) => each.load.drive(container));
}

/** Calls that need no privileges and that none of the loads makes. */
const OUTSIDE = ['getsid', 'getpriority', 'capget'] as const;

/** Runs in the container's place a program that makes a call which the profile does not list. */
export async function runOutsider(each: Case, profile: RawProfile, enforce: boolean): Promise<Finished> {
  const allowed = new Set(profile.syscalls?.flatMap(({ names }) => names));
  const outside = OUTSIDE.find((name) => !allowed.has(name)) ?? assert.fail(`all of ${OUTSIDE} are allowed`);
  using parent = new CgroupParent();
  const settings = {
    args: ['/run/calls', `${syscallNumber('x86_64', outside)}`],
    ...(enforce && { seccomp: profile }),
  };
  // Awaited here: the parent is disposed of when this returns.
  return await withContainer(each, parent, settings, (container) => container.finished);
}
