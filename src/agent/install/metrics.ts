import { Counter, type Registry } from 'prom-client';

/** SPO's counters of what became of profiles on this node, for each kind. */
export class InstallMetrics {
  readonly #changes = new Map<string, Counter>();
  readonly #errors = new Map<string, Counter>();

  /** @param kinds as their installers name them for metrics. */
  constructor(registry: Registry, kinds: readonly string[]) {
    const counter = (name: string, help: string, label: string) =>
      new Counter({ name, help, labelNames: [label], registers: [registry] });
    for (const kind of kinds) {
      const prefix = `security_profiles_operator_${kind}_profile`;
      const changes = 'Profiles written (update) and removed (delete) on this node.';
      this.#changes.set(kind, counter(`${prefix}_total`, changes, 'operation'));
      const errors = 'Profiles that could not be installed or removed, by the reason of their event.';
      this.#errors.set(kind, counter(`${prefix}_error_total`, errors, 'reason'));
    }
  }

  changed(kind: string, operation: 'update' | 'delete'): void {
    this.#changes.get(kind)?.inc({ operation });
  }

  failed(kind: string, reason: string): void {
    this.#errors.get(kind)?.inc({ reason });
  }
}
