import { it } from 'vitest';
import { startWithSandbox } from '../helpers/gateway.ts';
it('x', async () => {
  const t = performance.now();
  const g = await startWithSandbox({}, { empty: true });
  console.log('start', performance.now() - t);
  const t2 = performance.now();
  const h = await startWithSandbox({}, { empty: true });
  console.log('start2', performance.now() - t2);
  console.log(JSON.stringify(await g.query('{profiles{totalCount}}')));
  console.log(g.sandbox.requests.map((r) => r.path));
  await g.close(); await h.close();
  console.log('end', performance.now() - t);
});
