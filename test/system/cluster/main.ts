/** `make cluster [NODES=3]` and `make cluster-down`. */
import { DIRECTORY, startCluster, stopCluster } from './cluster.ts';

const say = (text: string) => console.error(`cluster: ${text}`);
const [command, count = '1'] = process.argv.slice(2);
if (command === 'up') {
  const nodes = Number(count);
  if (!Number.isInteger(nodes) || nodes < 1 || nodes > 9) throw new Error(`NODES=${count}: a number from 1 to 9`);
  const { kubeconfig, nodes: names } = await startCluster(nodes, say);
  say(`ready: ${names.join(', ')}`);
  console.log(`export KUBECONFIG=${kubeconfig}\n${DIRECTORY}/kubectl get nodes`);
} else if (command === 'down') await stopCluster();
else throw new Error('usage: main.ts up [NODES] | down');
