// End-to-end tests of the page that the program carries, against a whole node of their own:
//
//   BLOTTER=../target/debug/blotter npm run e2e:node
import { accessibility } from './accessibility.mjs';
import { launch } from './browser.mjs';
import { journey } from './journey.mjs';
import { startNode } from './node.mjs';
import { restart } from './restart.mjs';

const program = process.env.BLOTTER;
if (!program) throw new Error('BLOTTER has to name the program, for example ../target/debug/blotter');

const node = await startNode(program);
const browser = await launch();
try {
  const { url, user, password } = node.ready;
  await journey(browser, url, { user, password });
  await accessibility(browser, url, { user, password });
  await restart(browser, node);
} catch (error) {
  console.error(error);
  process.exitCode = 1;
} finally {
  await browser.close();
  await node.end();
}
