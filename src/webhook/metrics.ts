import { Histogram, type Registry } from 'prom-client';

/** How long answers take, by path and status: the `observe` of a server. */
export function requestTimes(registry: Registry): (path: string, status: number, seconds: number) => void {
  const histogram = new Histogram({
    name: 'security_profiles_operator_webhook_request_duration_seconds',
    help: 'How long the webhooks took to answer, by path and HTTP status.',
    labelNames: ['path', 'status'],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 3],
    registers: [registry],
  });
  return (path, status, seconds) => histogram.observe({ path, status }, seconds);
}
