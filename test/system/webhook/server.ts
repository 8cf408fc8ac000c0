/** The webhooks' server with the routes of the real one, as its Deployment runs it, but with no cluster behind it. */
import { setTimeout } from 'node:timers/promises';
import type { ProfileBinding } from '../../../src/api/types.ts';

const built = async (path: string) => await import(new URL(`../../../dist/${path}.js`, import.meta.url).href);
const { WebhookServer }: typeof import('../../../src/webhook/server.ts') = await built('webhook/server');
const { webhookRoutes }: typeof import('../../../src/webhook/routes.ts') = await built('webhook/routes');
const { newAuthority, newLeaf }: typeof import('../../../src/webhook/certificates/issue.ts') =
  await built('webhook/certificates/issue');
// A replica has loaded them, and so they count.
await Promise.all(['kube/client', 'webhook/cluster/collaborators', 'platform/health-server'].map(built));

const binding: ProfileBinding = {
  apiVersion: 'security-profiles-operator.x-k8s.io/v1',
  kind: 'ProfileBinding',
  metadata: { name: 'all', namespace: 'shop' },
  spec: { image: '*', profileRef: { kind: 'SeccompProfile', name: 'web' } },
};
const profile = { metadata: { name: 'web' }, status: { status: 'Installed', localhostProfile: 'operator/web.json' } };
const namespaces = { labels: async () => ({}) };
const events = { event: () => {} };
const SLOW = 1000; // milliseconds, as where the API server is asked and does not answer at once

const leaf = await newLeaf(await newAuthority(Date.now()), ['localhost'], Date.now());
const server = await WebhookServer.listen(
  {
    routes: webhookRoutes({
      recording: { namespaces, events, recordings: { list: () => [] } },
      binding: {
        namespaces,
        events,
        bindings: { list: (namespace) => (namespace === 'slow' ? setTimeout(SLOW, [binding]) : [binding]) },
        profiles: { get: async () => profile },
      },
    }),
    certificate: { current: () => leaf, onChange: () => () => {} },
    failed: (path, error) => console.error(path, error),
  },
  { host: '127.0.0.1', port: 0 },
);
console.log(`port ${server.port}`);
