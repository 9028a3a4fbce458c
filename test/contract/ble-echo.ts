/**
 * A serial bridge with its TXD wired to its RXD: the GATT table and the bleno radio of host/bridge, and instead of a module
 * and a board an echo that waits for room on the air.
 */
import { type BridgeKind, type BridgeRadio, blenoRadio, personalities } from '../../host/bridge/index.ts';
import { openPeripheral, type VirtualAir } from '../../host/radio/index.ts';

const RETRY_MS = 2;

export class EchoBridge {
  readonly name: string;
  readonly kind: BridgeKind;
  /** Largest notification, bytes; 0 before anybody subscribed. */
  room = 0;
  private readonly air: VirtualAir;
  private radio: BridgeRadio | undefined;
  private detach: () => void = () => {};
  private waiting: number[] = [];
  private retry: NodeJS.Timeout | undefined;

  constructor(air: VirtualAir, kind: BridgeKind, name: string) {
    this.air = air;
    this.kind = kind;
    this.name = name;
  }

  async start(): Promise<void> {
    const controller = this.air.attach({ name: this.name });
    this.detach = () => controller.detach();
    const peripheral = await openPeripheral(controller.port);
    this.radio = blenoRadio(
      peripheral,
      personalities[this.kind],
    )({
      onConnected: () => {},
      onDisconnected: () => this.forget(),
      onSubscribed: (room) => {
        this.room = room;
      },
      onUnsubscribed: () => this.forget(),
      onRoom: (room) => {
        this.room = room;
      },
      onWritten: (bytes, taken) => {
        this.waiting.push(...bytes);
        taken?.();
        this.flush();
      },
    });
    this.radio.advertise(this.name);
  }

  /** Its battery is empty: off the air without a word. */
  async vanish(): Promise<void> {
    this.forget();
    this.detach();
    const { radio } = this;
    this.radio = undefined;
    await radio?.close();
  }

  private forget(): void {
    clearTimeout(this.retry);
    this.waiting = [];
    this.room = 0;
  }

  private flush(): void {
    clearTimeout(this.retry);
    while (this.waiting.length > 0 && this.room > 0) {
      const packet = Uint8Array.from(this.waiting.slice(0, this.room));
      if (this.radio?.notify(packet) !== true) {
        this.retry = setTimeout(() => this.flush(), RETRY_MS);
        return;
      }
      this.waiting.splice(0, packet.length);
    }
  }
}
