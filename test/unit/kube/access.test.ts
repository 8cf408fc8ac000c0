import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { PathAccess } from '../../../src/kube/access.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const USER = { username: 'system:serviceaccount:default:default', uid: 'u', groups: ['g'], extra: { node: ['n'] } };

/** An API server that knows the token `good`, and lets its user get what it is told. */
function access(_context: TestContext, allowed: readonly string[] = ['/metrics']) {
  const clock = new FakeClock();
  const asked: { path: string; spec: Record<string, unknown> }[] = [];
  const state = { away: false, hold: undefined as Promise<void> | undefined, allowed };
  const request = async (method: string, path: string, { body }: { body?: unknown } = {}): Promise<never> => {
    const { spec } = body as { spec: Record<string, unknown> };
    assert.equal(method, 'POST');
    asked.push({ path, spec });
    await state.hold;
    if (state.away) throw new Error('away');
    if (path.endsWith('/tokenreviews'))
      return {
        status: spec.token === 'good' ? { authenticated: true, user: USER } : { authenticated: false, user: USER },
      } as never;
    const { path: wanted } = spec.nonResourceAttributes as { path: string };
    return { status: { allowed: state.allowed.includes(wanted) } } as never;
  };
  return { paths: new PathAccess({ request }, { clock }), clock, asked, state };
}

test('who is known and allowed may read; the API server is asked with all that it said of him', async (context) => {
  const { paths, asked } = access(context);
  assert.equal(await paths.status('Bearer good', '/metrics'), 200);
  assert.deepEqual(asked, [
    { path: '/apis/authentication.k8s.io/v1/tokenreviews', spec: { token: 'good' } },
    {
      path: '/apis/authorization.k8s.io/v1/subjectaccessreviews',
      spec: {
        user: USER.username,
        uid: 'u',
        groups: ['g'],
        extra: { node: ['n'] },
        nonResourceAttributes: { path: '/metrics', verb: 'get' },
      },
    },
  ]);
});

test('another path is another question', async (context) => {
  const { paths } = access(context);
  assert.equal(await paths.status('Bearer good', '/metrics'), 200);
  assert.equal(await paths.status('Bearer good', '/metrics-spod'), 403);
});

for (const header of [undefined, '', 'good', 'Basic good', 'Bearer ', 'Bearer a b', `Bearer ${'x'.repeat(20_000)}`])
  test(`"${header?.slice(0, 20)}" is no token, and nobody is asked`, async (context) => {
    const { paths, asked } = access(context);
    assert.equal(await paths.status(header, '/metrics'), 401);
    assert.deepEqual(asked, []);
  });

test('an answer holds for a minute, a refusal for ten seconds, and no answer not at all', async (context) => {
  const { paths, clock, asked, state } = access(context, []);
  const status = async (token = 'good') => [await paths.status(`Bearer ${token}`, '/metrics'), asked.splice(0).length];
  assert.deepEqual(await status('bad'), [401, 1]);
  assert.deepEqual(await status('bad'), [401, 0]);
  assert.deepEqual(await status(), [403, 2]);
  clock.advance(9999);
  assert.deepEqual(await status(), [403, 0]);
  clock.advance(1);
  state.allowed = ['/metrics'];
  assert.deepEqual(await status(), [200, 2]);
  clock.advance(59_999);
  assert.deepEqual(await status(), [200, 0]);
  clock.advance(1);
  state.away = true;
  assert.deepEqual(await status(), [503, 1]);
  state.away = false;
  assert.deepEqual(await status(), [200, 2]);
});

test('the same question is asked once at a time, and few at once', async (context) => {
  const { paths, asked, state } = access(context);
  const held = Promise.withResolvers<void>();
  state.hold = held.promise;
  const same = [1, 2, 3].map(() => paths.status('Bearer good', '/metrics'));
  assert.equal(asked.length, 1);
  const others = Array.from({ length: 10 }, (_, index) => paths.status(`Bearer t${index}`, '/metrics'));
  assert.equal(asked.length, 8);
  held.resolve();
  assert.deepEqual(await Promise.all(same), [200, 200, 200]);
  const statuses = await Promise.all(others);
  assert.deepEqual(
    [statuses.filter((one) => one === 401).length, statuses.filter((one) => one === 503).length],
    [7, 3],
  );
});
