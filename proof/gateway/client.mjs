// The official client for Node, which tries nothing twice, against a gateway whose upstream misbehaves.
//
// Usage: node client.mjs BASE_URL TOKEN

import OpenAI from "openai";

const REQUESTS = 200;
const AT_ONCE = 10;
const [baseURL, apiKey] = process.argv.slice(2);
const client = new OpenAI({ baseURL: `${baseURL}/v1`, apiKey, maxRetries: 0 });

async function ask(number) {
  const messages = [{ role: "user", content: `question ${number} of ${REQUESTS}` }];
  if (number % 2) {
    const answer = await client.chat.completions.create({ model: "echo", messages });
    return answer.choices[0].message.content;
  }
  let said = "";
  const stream = await client.chat.completions.create({ model: "echo", messages, stream: true });
  for await (const chunk of stream) said += chunk.choices[0].delta.content ?? "";
  return said;
}

let next = 0;
const failures = [];

async function loop() {
  while (next < REQUESTS) {
    const number = next++;
    try {
      const said = await ask(number);
      if (said !== `question ${number} of ${REQUESTS}`) failures.push(`${number}: ${said}`);
    } catch (error) {
      failures.push(`${number}: ${error}`);
    }
  }
}

await Promise.all(Array.from({ length: AT_ONCE }, loop));
console.log(`openai for Node: ${REQUESTS - failures.length} of ${REQUESTS} served`);
for (const failure of failures.slice(0, 5)) console.error(failure);
process.exit(Math.min(failures.length, 1));
