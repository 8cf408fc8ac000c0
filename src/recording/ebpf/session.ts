import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { AbiIndex, KernelEvent } from '../../capture/ebpf/layout.ts';
import { type BpfOptions, BpfRecorder } from '../../capture/ebpf/object.ts';
import { native } from '../../capture/native.ts';
import { Command, type Exit } from '../../command/command.ts';
import { type Cgroup, openCgroup } from '../../container/cgroup.ts';
import { containerIdOf, findContainer } from '../../container/find.ts';
import { type Abi, machine, machineAbis } from '../../kernel/abi.ts';
import { syscallName } from '../../kernel/syscalls.ts';
import { SyscribeError } from '../../platform/errors.ts';
import { type FirstSeen, incompleteness, type Observation, type ObservedCall, unnamed } from '../observation.ts';
import type { Recording, Target } from '../recording.ts';

export interface SessionSettings {
  /** The command's environment; default this process's. */
  readonly env?: NodeJS.ProcessEnv;
  /** Run the command as this process's user, not as the one behind sudo. */
  readonly privileged?: boolean;
  /** A seccomp filter that the command loads last before its exec. */
  readonly filter?: { readonly program: Buffer; readonly flags: number };
  /** Milliseconds after which the recording ends. */
  readonly duration?: number;
  /** Milliseconds without a new call after which the recording ends. */
  readonly untilQuiet?: number;
  /** Ends the recording. */
  readonly signal?: AbortSignal;
  /** Told of every process of the recording: the command before it goes on to exec, its descendants when born. */
  readonly onProcess?: (pid: number) => void;
  /** For tests: sizes and faults of the kernel part. */
  readonly bpf?: BpfOptions;
}

/** The first time that a call was made. */
export interface Sighting extends FirstSeen {
  readonly name: string;
  readonly abi: Abi;
  readonly nr: number;
  readonly phase: 'workload' | 'runtime';
}

/** How often the kernel is asked what it may have had no room to tell, in milliseconds. */
const TICK = 500;

/**
 * A recording under way. Iterating gives every first sighting, also those before the iteration began, and ends with the
 * recording; {@link finished} gives the whole. Disposing ends it.
 */
export class RecordingSession implements Recording, AsyncDisposable, AsyncIterable<Sighting> {
  /** The observation, when the recording has ended: the last recorded process gone, time over, or {@link stop}. */
  readonly finished: Promise<Observation>;
  /** How the command ended, if it did before the recording; at once with undefined when there is no command. */
  readonly exit: Promise<Exit | undefined>;
  readonly command: Command | undefined;
  readonly #bpf: BpfRecorder;
  readonly #slot: number;
  readonly #abis: Record<AbiIndex, Abi>;
  readonly #settings: SessionSettings;
  readonly #resolve: (observation: Observation) => void;
  readonly #sightings: Sighting[] = [];
  readonly #first = new Map<string, Sighting>();
  readonly #started = new Date();
  readonly #bootTime = native().bootTime();
  #changed = Promise.withResolvers<void>();
  #lastNew = Date.now();
  #ended = false;
  #commandGone = false;
  #root: Cgroup | undefined;
  #ticks = 0;
  #timer: NodeJS.Timeout | undefined;
  readonly #onAbort = () => this.#end();

  private constructor(bpf: BpfRecorder, slot: number, command: Command | undefined, settings: SessionSettings) {
    this.#bpf = bpf;
    this.#slot = slot;
    this.#abis = abisByIndex();
    this.#settings = settings;
    this.command = command;
    const finished = Promise.withResolvers<Observation>();
    this.finished = finished.promise;
    this.#resolve = finished.resolve;
    this.exit = command ? command.exited : Promise.resolve(undefined);
  }

  /**
   * Begins a recording; for a command, resolves when it has been executed.
   * @throws SyscribeError when the kernel, the target or the command does not allow it; nothing is left attached then.
   */
  static async start(target: Target, settings: SessionSettings = {}): Promise<RecordingSession> {
    if ('command' in target) return RecordingSession.#startCommand(target.command, settings);
    if ('pid' in target) return RecordingSession.#attachToProcess(target.pid, settings);
    const cgroup = 'cgroup' in target ? openCgroup(target.cgroup) : findContainer(target.container);
    return RecordingSession.#attachToCgroup(cgroup, settings);
  }

  static #open(settings: SessionSettings, options: BpfOptions = {}): { bpf: BpfRecorder; slot: number } {
    const bpf = new BpfRecorder({
      ...options,
      reportProcesses: settings.onProcess !== undefined,
      ...settings.bpf,
    });
    const slot = bpf.claimSlot();
    if (slot !== undefined) return { bpf, slot };
    bpf.close();
    throw new SyscribeError('ERR_BPF_LOAD', 'no free slot');
  }

  static async #startCommand(argv: readonly string[], settings: SessionSettings): Promise<RecordingSession> {
    const { bpf, slot } = RecordingSession.#open(settings, { slotMembers: 1 });
    let command: Command | undefined;
    try {
      command = new Command({
        argv,
        env: settings.env ?? process.env,
        privileged: settings.privileged ?? false,
        ...(settings.filter && { filter: settings.filter }),
      });
      const session = new RecordingSession(bpf, slot, command, settings);
      session.#listen();
      bpf.tagProcess(command.pidfd, slot);
      bpf.walk(); // Only the kernel part can tell the stack by which sys_enter knows the tagged task.
      settings.onProcess?.(command.pid);
      bpf.attach(['tasks', 'calls']);
      command.go();
      await command.executed;
      session.#watch();
      return session;
    } catch (error) {
      bpf.close();
      command?.release();
      throw error;
    }
  }

  static #attachToProcess(pid: number, settings: SessionSettings): RecordingSession {
    const { bpf, slot } = RecordingSession.#open(settings, { slotMembers: 1 });
    try {
      const session = new RecordingSession(bpf, slot, undefined, settings);
      session.#listen();
      bpf.attach(['tasks', 'calls']);
      bpf.adopt(slot, pid);
      if (bpf.state(slot).seeded === 0)
        throw new SyscribeError('ERR_TARGET_NOT_FOUND', `there is no process ${pid}`, {
          remedy: 'Give the id of a running process as the host sees it; kernel threads make no system calls.',
        });
      session.#watch();
      return session;
    } catch (error) {
      bpf.close();
      throw error;
    }
  }

  static #attachToCgroup(cgroup: Cgroup, settings: SessionSettings): RecordingSession {
    const { bpf, slot } = RecordingSession.#open(settings, {
      hierarchy: cgroup.hierarchy,
      controller: cgroup.controller,
    });
    try {
      const session = new RecordingSession(bpf, slot, undefined, settings);
      session.#root = cgroup;
      session.#listen();
      bpf.attach(['tasks', 'calls', 'cgroups']);
      const anyMountNamespace = belongsToHost(cgroup.path) ? 1 : 0;
      addTree(bpf, cgroup.path, { slot, generation: bpf.state(slot).generation, levels: 0, anyMountNamespace });
      bpf.adopt(slot);
      session.#watch();
      return session;
    } catch (error) {
      bpf.close();
      throw error;
    }
  }

  /** Calls seen so far, processes ever recorded, and milliseconds since the last new call. */
  progress(): { syscalls: number; processes: number; quiet: number } {
    const processes = this.#ended ? 0 : this.#bpf.state(this.#slot).processes;
    return { syscalls: this.#first.size, processes, quiet: Date.now() - this.#lastNew };
  }

  /** Delivers what the kernel has told and the event loop not yet. */
  drain(): void {
    if (!this.#ended) this.#bpf.drain();
  }

  /** Ends the recording now; what still runs goes on unrecorded and makes it partial. */
  async stop(): Promise<Observation> {
    this.#end();
    return this.finished;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async *[Symbol.asyncIterator](): AsyncIterator<Sighting> {
    for (let next = 0; ; ) {
      const changed = this.#changed.promise;
      while (next < this.#sightings.length) {
        const sighting = this.#sightings[next++];
        if (sighting) yield sighting;
      }
      if (this.#ended && next === this.#sightings.length) return;
      await changed;
    }
  }

  #listen(): void {
    this.#bpf.listen((event) => {
      this.#onEvent(event);
    });
  }

  #onEvent(event: KernelEvent): void {
    if (event.slot !== this.#slot) return;
    if (event.kind === 'seen') this.#onSeen(event);
    if (event.kind === 'idle') this.#endIfIdle();
    if (event.kind === 'rescan' && !this.#ended) this.#bpf.adopt(this.#slot);
    if (event.kind === 'process') this.#settings.onProcess?.(event.tgid);
  }

  #onSeen(event: KernelEvent): void {
    const abi = this.#abis[event.abi];
    const nr = Number(BigInt.asIntN(64, event.value));
    const key = `${event.phase}:${abi}:${nr}`;
    if (this.#first.has(key)) return; // Two CPUs may have seen it at once.
    const sighting: Sighting = {
      name: syscallName(abi, nr) ?? `${nr}`,
      abi,
      nr,
      phase: event.phase,
      pid: event.tgid,
      comm: event.comm,
      time: new Date(this.#bootTime + Number(event.time / 1_000_000n)),
    };
    this.#first.set(key, sighting);
    this.#sightings.push(sighting);
    this.#lastNew = Date.now();
    this.#notify();
  }

  #notify(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers<void>();
  }

  #watch(): void {
    const { signal, duration } = this.#settings;
    void this.command?.exited.then(() => {
      this.#commandGone = true;
      this.#endIfIdle();
    });
    if (signal?.aborted) this.#end();
    signal?.addEventListener('abort', this.#onAbort);
    if (this.#ended) return;
    const started = Date.now();
    this.#timer = setInterval(
      () => {
        if (duration !== undefined && Date.now() - started >= duration) this.#end();
        else this.#tick();
      },
      Math.min(TICK, duration ?? TICK),
    );
    this.#endIfIdle();
  }

  /** Events are lost when the ring is full, so their word is only the quick way; the state in the kernel decides. */
  #tick(): void {
    const { untilQuiet } = this.#settings;
    this.#ticks += 1;
    if (untilQuiet !== undefined && Date.now() - this.#lastNew >= untilQuiet) this.#end();
    else if (this.#root && !this.#bpf.isMember(this.#root.id)) this.#end();
    else this.#endIfIdle();
    if (this.#ended || this.#ticks % 20 !== 0 || !this.#hasBegun()) return;
    // An exit that met a busy storage was not counted: look for the processes themselves.
    if (this.#survivors().length === 0) this.#endWhenCommandGone();
  }

  #hasBegun(): boolean {
    const state = this.#bpf.state(this.#slot);
    return state.execs > 0 || state.seeded > 0;
  }

  #endIfIdle(): void {
    if (!this.#ended && this.#bpf.state(this.#slot).live === 0 && this.#hasBegun()) this.#endWhenCommandGone();
  }

  #endWhenCommandGone(): void {
    if (!this.command || this.#commandGone) this.#end();
  }

  #survivors() {
    const { generation } = this.#bpf.state(this.#slot);
    return this.#bpf.walk().filter((found) => found.slot === this.#slot && found.generation === generation);
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true; // First: draining delivers events, and one of them may ask for the end again.
    clearInterval(this.#timer);
    this.#settings.signal?.removeEventListener('abort', this.#onAbort);
    this.#bpf.drain();
    const survivors = this.#survivors();
    const state = this.#bpf.state(this.#slot);
    const calls = this.#bpf.calls(this.#slot).map(({ phase, abi, nr }) => this.#observed(phase, this.#abis[abi], nr));
    const reasons = incompleteness(state, this.#bpf.counters(), this.#bpf.misses(), survivors);
    this.#bpf.close();
    this.command?.release();
    this.#notify();
    this.#resolve({
      calls,
      processes: state.processes,
      started: this.#started,
      ended: new Date(),
      reasons: [...reasons, ...unnamed(calls)],
      lostEvidence: state.lostEvents,
    });
  }

  #observed(phase: 'workload' | 'runtime', abi: Abi, nr: number): ObservedCall {
    const first = this.#first.get(`${phase}:${abi}:${nr}`);
    return { phase, abi, nr, ...(first && { first: { pid: first.pid, comm: first.comm, time: first.time } }) };
  }
}

export function abisByIndex(): Record<AbiIndex, Abi> {
  const { native, compat, x32 } = machineAbis(machine());
  return { native, compat, x32: x32 ?? native };
}

/**
 * Whether what runs in a cgroup belongs to the host: systemd's services and slices do, and so does one in which a process
 * of the host's mount namespace already runs. A container's processes are told from its runtime's by their mount
 * namespace, a service's cannot be.
 */
function belongsToHost(path: string): boolean {
  const name = path.split('/').at(-1) ?? '';
  if (containerIdOf(name) === undefined || /^session-|^init\.scope$/.test(name)) return true;
  const host = mountNamespace('self');
  const pids = readFileSync(join(path, 'cgroup.procs'), 'utf8').split('\n').filter(Boolean);
  return pids.length > 0 && pids.every((pid) => mountNamespace(pid) === host);
}

function mountNamespace(pid: string): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/mnt`);
  } catch {
    return undefined; // It is gone.
  }
}

function addTree(bpf: BpfRecorder, path: string, member: Parameters<BpfRecorder['addMember']>[1]): void {
  bpf.addMember(statSync(path, { bigint: true }).ino, member);
  for (const entry of readdirSync(path, { withFileTypes: true }))
    if (entry.isDirectory()) addTree(bpf, join(path, entry.name), member);
}
