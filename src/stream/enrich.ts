import type { AuditEvent } from '../capture/audit/event.ts';
import type { Container } from '../container/container.ts';
import type { Owner } from '../container/identity.ts';
import type { EnrichedEvent } from './event.ts';

/** Whose a process was at a time, milliseconds since the epoch. */
export interface Owners {
  ownerOf(pid: number, time: number): Owner | undefined;
}

/** What is known of a container, by its id. */
export interface Containers {
  get(id: string): Container;
}

/** Adds to events where and whose they are. */
export class Enricher {
  /** Events of a process whose container, or none, could not be told. */
  unresolved = 0;
  readonly #identity: Owners;
  readonly #containers: Containers;
  readonly #node: string;
  #second = -1;
  #prefix = '';

  constructor(identity: Owners, containers: Containers, settings: { readonly node: string }) {
    this.#identity = identity;
    this.#containers = containers;
    this.#node = settings.node;
  }

  enrich(event: AuditEvent): EnrichedEvent {
    const { process, seccomp, selinux, apparmor } = event;
    const container = process && this.#containerOf(process.pid, event.time);
    const time = this.#iso(event.time);
    const { serial, part, type } = event;
    const node = this.#node;
    // Two plain shapes: a spread for the rare `part` took longer than all the rest.
    const enriched: { -readonly [K in keyof EnrichedEvent]: EnrichedEvent[K] } =
      part > 0 ? { time, serial, part, type, node } : { time, serial, type, node };
    if (container) enriched.container = container;
    if (process) enriched.process = process;
    if (seccomp) enriched.seccomp = seccomp;
    else if (selinux) enriched.selinux = selinux;
    else if (apparmor) enriched.apparmor = apparmor;
    return enriched;
  }

  #containerOf(pid: number, time: number): Container | undefined {
    const owner = this.#identity.ownerOf(pid, time);
    if (!owner) this.unresolved += 1;
    return owner?.container === undefined ? undefined : this.#containers.get(owner.container);
  }

  /** Date's own formatting is made once a second of the log. */
  #iso(time: number): string {
    const second = Math.floor(time / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#prefix = new Date(second * 1000).toISOString().slice(0, -4);
    }
    const milliseconds = time - second * 1000;
    return `${this.#prefix}${milliseconds < 10 ? '00' : milliseconds < 100 ? '0' : ''}${milliseconds}Z`;
  }
}
