import assert from 'node:assert/strict';
import { existsSync, mkdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { TestContext } from 'node:test';
import {
  type ContainerObservation,
  NodeRecorder,
  type RecordedContainer,
} from '../../../src/recording/ebpf/node-recorder.ts';
import { makeCgroup } from './kernel.ts';
import { Running } from './syscribe.ts';

const MOUNT = '/sys/fs/cgroup';
/** Moves itself into a container's cgroup from a mount namespace of its own, then executes. */
const ENTER = ['-m', 'sh', '-c', 'echo $$ >"$0/cgroup.procs"; echo entered; exec "$@"'];

/** The cgroups of a node's pods, with nobody but the test to make them. */
export class Pods {
  readonly settings: Parameters<typeof NodeRecorder.load>[0];
  readonly #root: string;

  constructor(context: TestContext, pins: string, slots: number) {
    const root = makeCgroup(context, existsSync(join(MOUNT, 'cgroup.controllers')) ? '' : 'pids');
    this.#root = join(root, 'kubepods');
    mkdirSync(this.#root);
    this.settings = { cgroups: MOUNT, cgroupRoot: `/${basename(root)}`, pins, slots };
  }

  /** A recorder that sees calls; the caller disposes of it, or ends it. */
  record(): NodeRecorder {
    const recorder = NodeRecorder.load(this.settings, { changed: () => {}, seen: () => {}, podBorn: () => {} });
    recorder.begin();
    recorder.arm();
    return recorder;
  }

  /** The cgroup of a container of this number, in a pod of its own. */
  container(number: number): string {
    const pod = join(this.#root, `pod00000000-0000-0000-0000-${`${number}`.padStart(12, '0')}`);
    const path = join(pod, containerId(number));
    mkdirSync(path, { recursive: true });
    return path;
  }

  /** Begins a program in a container, which stays; resolves when it has entered. */
  async start(path: string, ...command: string[]): Promise<Running> {
    const running = new Running('unshare', [...ENTER, path, ...command], { stdin: 'pipe' });
    await running.until('stdout', /entered/);
    return running;
  }

  async run(path: string, ...command: string[]): Promise<void> {
    const { code, stderr } = await new Running('unshare', [...ENTER, path, ...command]).finished;
    assert.equal(code, 0, stderr);
  }
}

export function containerId(number: number): string {
  return `${number}`.padStart(64, '0');
}

/** What is kept of a container; it fails where there is not one slot for it. */
export function recorded(
  recorder: NodeRecorder,
  number: number,
): RecordedContainer & ContainerObservation & { readonly codes: readonly string[] } {
  const found = recorder.containers().filter((one) => one.containerId === containerId(number));
  const [container] = found;
  assert.ok(container && found.length === 1, `${found.length} slots for container ${number}`);
  const observation = recorder.observe(container.slot);
  return { ...container, ...observation, codes: observation.reasons.map(({ code }) => code) };
}
