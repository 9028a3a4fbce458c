/** Counts up in one record, as another process: `count-in-record.ts FOLDER ID TIMES`. Run by host/probes/store.test.ts. */
import { ProbeStore } from '../../host/probes/index.ts';

const [folder, id, times] = process.argv.slice(2);
const store = new ProbeStore(folder!);
for (let n = 0; n < Number(times); n++) {
  store.update(id!, (record) => ({ ...record!, reason: String(Number(record!.reason) + 1) }));
}
