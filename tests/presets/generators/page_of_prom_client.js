// The page of prom-client with the histogram of express-prom-bundle, before and after 60 requests, of which 12 fail.
//
// npm install express express-prom-bundle prom-client; node page_of_prom_client.js FOLDER
const fs = require('fs');
const path = require('path');
const express = require('express');
const bundle = require('express-prom-bundle');

const version = (name) => `${name} ${JSON.parse(fs.readFileSync(path.join(process.cwd(), 'node_modules', name, 'package.json'))).version}`;
const app = express();
app.use(bundle({ includeMethod: true, includePath: true, promClient: { collectDefaultMetrics: {} } }));
app.get('/', (_, answer) => answer.send('hello'));
app.get('/bad', (_, answer) => answer.status(503).send('bad'));

const server = app.listen(0, '127.0.0.1', async () => {
  const base = `http://127.0.0.1:${server.address().port}`;
  const head = `# ${version('prom-client')}, ${version('express-prom-bundle')}\n`;
  for (const [page, good, bad] of [['before', 5, 1], ['after', 48, 12]]) {
    for (let i = 0; i < good; i += 1) await (await fetch(`${base}/`)).text();
    for (let i = 0; i < bad; i += 1) await (await fetch(`${base}/bad`)).text();
    const text = await (await fetch(`${base}/metrics`)).text();
    fs.writeFileSync(path.join(process.argv[2], `prom_client-${page}.txt`), head + text);
  }
  server.closeAllConnections();
  server.close();
});
