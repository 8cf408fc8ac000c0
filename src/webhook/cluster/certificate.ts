import type { KubeClient } from '../../kube/client.ts';
import type { Log } from '../../kube/log.ts';
import { SECRETS } from '../../kube/object.ts';
import { Informer } from '../../kube/reflector.ts';
import { LEAF_SECRET, readState } from '../certificates/state.ts';
import type { ServerCollaborators } from '../server.ts';
import type { Secret } from './secrets.ts';

/** The certificate that is served, as the leader wrote it last: every replica watches it. */
export class ServedCertificate {
  readonly #informer: Informer<Secret>;
  readonly #key: string;

  constructor(client: KubeClient, log: Log, namespace: string) {
    this.#key = `${namespace}/${LEAF_SECRET}`;
    this.#informer = new Informer<Secret>(
      { client, resource: SECRETS, log },
      { namespace, fieldSelector: `metadata.name=${LEAF_SECRET}` },
    );
  }

  run(signal: AbortSignal): Promise<void> {
    return this.#informer.run(signal);
  }

  /** Resolves when there is one. */
  async ready(signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const look = () => {
      if (this.#leaf()) resolve();
    };
    const stop = this.#informer.onChange(look);
    signal.addEventListener('abort', () => resolve(), { once: true });
    look();
    await promise;
    stop();
  }

  readonly asServed: ServerCollaborators['certificate'] = {
    current: () => {
      const leaf = this.#leaf();
      if (!leaf) throw new Error(`the Secret ${this.#key} holds no certificate`);
      return { key: leaf.key, cert: leaf.cert };
    },
    onChange: (listener) =>
      this.#informer.onChange(() => {
        if (this.#leaf()) listener();
      }),
  };

  #leaf() {
    return readState(undefined, this.#informer.get(this.#key)?.data).leaf;
  }
}
