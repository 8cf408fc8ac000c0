import { SyscribeError } from '../platform/errors.ts';
import { jittered } from './backoff.ts';
import type { KubeClient } from './client.ts';
import { type Clock, Deadline, MONOTONIC, sleep } from './clock.ts';
import { isKube } from './errors.ts';
import type { Log } from './log.ts';
import { type KubeObject, LEASES } from './object.ts';

interface LeaseSpec {
  readonly holderIdentity?: string;
  readonly leaseDurationSeconds?: number;
  readonly acquireTime?: string;
  readonly renewTime?: string;
  readonly leaseTransitions?: number;
}

interface Lease extends KubeObject {
  readonly spec: LeaseSpec;
}

export interface LeaseSettings {
  readonly namespace: string;
  readonly name: string;
  /** Of this process, and no other that ever was. */
  readonly identity: string;
  /** Milliseconds for which others leave a lease alone that is not renewed. */
  readonly leaseDuration?: number;
  /** Milliseconds without a renewal after which leading ends; less than `leaseDuration`. */
  readonly renewDeadline?: number;
  /** Milliseconds between attempts. */
  readonly retryPeriod?: number;
  readonly log?: Log;
  readonly clock?: Clock;
}

type Outcome = 'held' | 'other' | 'failed';

/**
 * One of several processes leads: who holds the lease. The clocks of two machines are never compared: a lease has expired when it
 * was seen unchanged for its duration on one's own clock.
 */
export class LeaderElection {
  readonly #client: Pick<KubeClient, 'get' | 'create' | 'replace'>;
  readonly #settings: Required<Omit<LeaseSettings, 'log'>>;
  readonly #log: Log | undefined;
  /** As it was written last. */
  #lease: Lease | undefined;
  #observed = { spec: '', at: 0 };

  constructor(client: Pick<KubeClient, 'get' | 'create' | 'replace'>, { log, ...settings }: LeaseSettings) {
    this.#client = client;
    this.#log = log;
    const times = { leaseDuration: 15_000, renewDeadline: 10_000, retryPeriod: 2000 };
    this.#settings = { clock: MONOTONIC, ...times, ...settings };
  }

  /**
   * Waits for the lease, calls `lead`, and gives the lease back when that has returned; it is told to by its signal when `signal`
   * aborts.
   * @throws SyscribeError ERR_KUBE_LEASE_LOST: the process must end, as another leads soon. `lead` was told by its signal, and given
   *   what is left of the lease's duration to end.
   */
  async run(signal: AbortSignal, lead: (signal: AbortSignal) => Promise<void>): Promise<void> {
    if (!(await this.#acquire(signal))) return;
    this.#log?.info({ identity: this.#settings.identity }, 'leading');
    const told = new AbortController();
    const over = new AbortController();
    const tell = () => told.abort(signal.reason);
    signal.addEventListener('abort', tell);
    if (signal.aborted) tell();
    try {
      const led = (async () => lead(told.signal))().finally(() => over.abort());
      const ended = Promise.allSettled([led]);
      const lost = await this.#renew(over.signal);
      if (lost) {
        told.abort(lost);
        const { leaseDuration, renewDeadline, clock } = this.#settings;
        await Promise.race([ended, sleep(clock, leaseDuration - renewDeadline, over.signal)]);
        throw lost;
      }
      await ended;
      await this.#release();
      await led;
    } finally {
      told.abort();
      signal.removeEventListener('abort', tell);
    }
  }

  async #acquire(signal: AbortSignal): Promise<boolean> {
    const { clock, retryPeriod } = this.#settings;
    while (!signal.aborted) {
      if ((await this.#attempt(signal)) === 'held') return true;
      await sleep(clock, jittered(retryPeriod), signal);
    }
    return false;
  }

  /** Goes on while `lead` does, however it was told to end: until it has, nobody else may lead. */
  async #renew(over: AbortSignal): Promise<SyscribeError | undefined> {
    const { clock, retryPeriod, renewDeadline } = this.#settings;
    let renewed = clock.now();
    for (;;) {
      await sleep(clock, retryPeriod, over);
      if (over.aborted) return undefined;
      const began = clock.now();
      const left = renewed + renewDeadline - began;
      const outcome = left > 0 ? await this.#within(left, over) : 'failed';
      if (outcome === 'held') renewed = began;
      else if (over.aborted) return undefined;
      else if (outcome === 'other') return this.#lost('another process has taken it');
      else if (clock.now() - renewed >= renewDeadline) return this.#lost(`not renewed for ${renewDeadline} ms`);
    }
  }

  /** Up to three requests, one behind the other: what the last of them gains must not come too late. */
  async #within(milliseconds: number, over: AbortSignal): Promise<Outcome> {
    using deadline = new Deadline(milliseconds, () => this.#lost('too late'), over, this.#settings.clock);
    return await this.#attempt(deadline.signal);
  }

  #lost(why: string): SyscribeError {
    const { namespace, name } = this.#settings;
    return new SyscribeError('ERR_KUBE_LEASE_LOST', `the lease ${namespace}/${name} is lost: ${why}`, {
      remedy: 'Start the process again; it waits until it may lead.',
    });
  }

  /** Takes or renews the lease. */
  async #attempt(signal: AbortSignal): Promise<Outcome> {
    try {
      // Renewing needs no reading, while nobody else writes.
      return (this.#lease && (await this.#write(this.#lease, signal))) ?? (await this.#take(signal));
    } catch (error) {
      if (signal.aborted) return 'failed';
      if (!isKube(error)) throw error;
      this.#log?.warn({ error }, 'lease not written');
      return 'failed';
    }
  }

  async #take(signal: AbortSignal): Promise<Outcome> {
    const { namespace, name, clock, leaseDuration, identity } = this.#settings;
    const lease = await this.#read(signal);
    if (!lease) {
      const metadata = { namespace, name };
      this.#lease = await this.#client.create<Lease>(LEASES, { metadata, spec: this.#spec({}) }, this.#call(signal));
      return 'held';
    }
    const spec = JSON.stringify(lease.spec);
    if (this.#observed.spec !== spec) this.#observed = { spec, at: clock.now() };
    const { holderIdentity, leaseDurationSeconds = leaseDuration / 1000 } = lease.spec;
    const free = !holderIdentity || holderIdentity === identity;
    if (!free && clock.now() - this.#observed.at < leaseDurationSeconds * 1000) return 'other';
    return (await this.#write(lease, signal)) ?? 'failed';
  }

  /** Undefined when it is no longer as it was read. */
  async #write(lease: Lease, signal: AbortSignal): Promise<Outcome | undefined> {
    try {
      const spec = this.#spec(lease.spec);
      this.#lease = await this.#client.replace<Lease>(LEASES, { ...lease, spec }, this.#call(signal));
      return 'held';
    } catch (error) {
      if (!isKube(error, 'conflict', 'notFound')) throw error;
      this.#lease = undefined;
      return undefined;
    }
  }

  async #read(signal?: AbortSignal): Promise<Lease | undefined> {
    try {
      return await this.#client.get<Lease>(LEASES, this.#settings, this.#call(signal));
    } catch (error) {
      if (isKube(error, 'notFound')) return undefined;
      throw error;
    }
  }

  #spec({ holderIdentity, acquireTime, leaseTransitions = 0 }: LeaseSpec): LeaseSpec {
    const { identity, leaseDuration } = this.#settings;
    const now = microTime();
    const mine = holderIdentity === identity && acquireTime !== undefined;
    return {
      holderIdentity: identity,
      leaseDurationSeconds: Math.ceil(leaseDuration / 1000),
      acquireTime: mine ? acquireTime : now,
      renewTime: now,
      leaseTransitions: leaseTransitions + (mine || holderIdentity === undefined ? 0 : 1),
    };
  }

  /** Lets others in at once; when it does not work they wait until it expires. */
  async #release(): Promise<void> {
    try {
      const lease = await this.#read();
      if (lease?.spec.holderIdentity !== this.#settings.identity) return;
      const spec = { ...lease.spec, holderIdentity: '', leaseDurationSeconds: 1, renewTime: microTime() };
      await this.#client.replace<Lease>(LEASES, { ...lease, spec }, this.#call());
    } catch (error) {
      if (!isKube(error)) throw error;
      this.#log?.warn({ error }, 'lease not given back');
    }
  }

  /** Two requests fit into the time that renewing may take. */
  #call(signal?: AbortSignal) {
    return { signal, timeout: Math.floor(this.#settings.renewDeadline * 0.45) };
  }
}

/** `metav1.MicroTime`. */
function microTime(): string {
  return new Date().toISOString().replace('Z', '000Z');
}
