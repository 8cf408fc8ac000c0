import { CONVERTED_KINDS } from '../../../src/api/kinds.ts';
import { caBundle } from '../../../src/webhook/certificates/bundle.ts';
import { newAuthority, newLeaf, serviceNames } from '../../../src/webhook/certificates/issue.ts';
import { convertRoute } from '../../../src/webhook/routes.ts';
import { WebhookServer } from '../../../src/webhook/server.ts';
import { API_ADDRESS } from './control-plane.ts';
import { NAMESPACE } from './installed.ts';
import type { TestCluster } from './use.ts';
import { GROUP, kubectlOf, replace } from './webhooks.ts';

/**
 * Serves conversion of this tree outside of the cluster, where the API server reaches it by the Service that the definitions name, as it
 * does in an installation: no controller writes endpoints here, so the test does.
 */
export async function serveConversion(cluster: TestCluster): Promise<WebhookServer> {
  const authority = await newAuthority(Date.now());
  const leaf = await newLeaf(authority, serviceNames(NAMESPACE), Date.now());
  await using open = new AsyncDisposableStack();
  const server = await WebhookServer.listen(
    { routes: { '/convert': convertRoute() }, certificate: { current: () => leaf, onChange: () => () => {} } },
    { host: API_ADDRESS, port: 0 },
  );
  open.use(server);
  const labels = { 'kubernetes.io/service-name': 'webhook-service' };
  const endpoints = {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: 'webhook-service-test', namespace: NAMESPACE, labels },
    addressType: 'IPv4',
    endpoints: [{ addresses: [API_ADDRESS], conditions: { ready: true } }],
    ports: [{ name: '', port: server.port, protocol: 'TCP' }],
  };
  await kubectlOf(cluster, ['apply', '-f', '-'], JSON.stringify(endpoints));
  const path = '/spec/conversion/webhook/clientConfig/caBundle';
  await Promise.all(
    CONVERTED_KINDS.map(({ plural }) => replace(cluster, `crd/${plural}.${GROUP}`, path, caBundle(authority.cert))),
  );
  open.move();
  return server;
}
