import type { Trust, TrustingObject, TrustStore } from '../../../../src/webhook/certificates/bundle.ts';
import type { SecretStore } from '../../../../src/webhook/certificates/rotation.ts';
import type { SecretData } from '../../../../src/webhook/certificates/state.ts';

/** Secrets as the API server keeps them; `failing` is how many writes go well before one fails. */
export class Secrets implements SecretStore {
  readonly stored = new Map<string, SecretData>();
  failing = Number.POSITIVE_INFINITY;

  async read(name: string): Promise<SecretData | undefined> {
    return this.stored.get(name);
  }

  async write(name: string, data: SecretData): Promise<void> {
    if (this.failing-- <= 0) throw new Error('conflict');
    this.stored.set(name, data);
  }
}

/** Objects that say whom to trust, and how often they were written to. */
export class Trusting implements TrustStore {
  readonly stored = new Map<string, Trust>();
  writes = 0;

  async read({ name }: TrustingObject): Promise<Trust | undefined> {
    return this.stored.get(name);
  }

  async patchCaBundle(_kind: string, name: string, bundle: string): Promise<void> {
    this.writes++;
    const { bundles = [], annotations = {} } = this.stored.get(name) ?? {};
    this.stored.set(name, { annotations, bundles: bundles.map(() => bundle) });
  }

  async removeAnnotation(_kind: string, name: string, annotation: string): Promise<void> {
    this.writes++;
    const { bundles = [], annotations: { [annotation]: _, ...annotations } = {} } = this.stored.get(name) ?? {};
    this.stored.set(name, { bundles, annotations });
  }
}
