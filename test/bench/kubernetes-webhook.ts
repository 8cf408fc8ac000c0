/** How long the webhook takes to answer for a new pod. */
import { once } from 'node:events';
import { Agent, request } from 'node:https';
import { text } from 'node:stream/consumers';
import type { Kubectl } from './kubernetes-cluster.ts';

const CONFIGURATION = 'mutatingwebhookconfiguration/spo-mutating-webhook-configuration';
interface ClientConfig {
  readonly caBundle: string;
  readonly service: { readonly name: string; readonly namespace: string; readonly path: string };
}

const WARM_UP = 200;
const ASKED = 1000;

export interface Asked {
  /** The webhook's name in the API server's configuration. */
  readonly hook: string;
  readonly namespace: string;
  readonly pod: object;
}

/** Milliseconds of each call, one after the other over one connection, as the API server has it. */
export async function measureWebhook(kubectl: Kubectl, { hook, namespace, pod }: Asked): Promise<number[]> {
  const [configuration, pods] = await Promise.all([
    kubectl(['get', CONFIGURATION, '-o', 'json']),
    kubectl(['get', 'pods', '-A', '-l', 'name=security-profiles-operator-webhook', '-o', 'json']),
  ]);
  const { webhooks } = JSON.parse(configuration) as { webhooks: { name: string; clientConfig: ClientConfig }[] };
  const configured = webhooks.find(({ name }) => name === hook);
  if (!configured) throw new Error(`${hook} is not configured`);
  const { service, caBundle } = configured.clientConfig;
  const host: string = JSON.parse(pods).items[0].status.podIP;
  using agent = new Connections(caBundle, `${service.name}.${service.namespace}.svc`);
  const url = `https://${host}:9443${service.path}`;
  const times: number[] = [];
  for (let index = 0; index < WARM_UP + ASKED; index++) {
    const body = JSON.stringify(review(`${index}`, namespace, pod));
    const begun = performance.now();
    const answer = await agent.post(url, body);
    if (index >= WARM_UP) times.push(performance.now() - begun);
    if (!answer.includes('"patch"')) throw new Error(`the webhook changed no pod: ${answer}`);
  }
  return times;
}

function review(uid: string, namespace: string, object: object): object {
  const request = { uid, operation: 'CREATE', namespace, dryRun: true, resource: { resource: 'pods' }, object };
  return { apiVersion: 'admission.k8s.io/v1', kind: 'AdmissionReview', request };
}

class Connections implements Disposable {
  readonly #agent: Agent;

  constructor(authority: string, servername: string) {
    this.#agent = new Agent({ keepAlive: true, maxSockets: 1, ca: Buffer.from(authority, 'base64'), servername });
  }

  async post(url: string, body: string): Promise<string> {
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
    const asked = request(url, { method: 'POST', agent: this.#agent, headers });
    asked.end(body);
    const [response] = await once(asked, 'response');
    return text(response);
  }

  [Symbol.dispose](): void {
    this.#agent.destroy();
  }
}
