/**
 * Bytes from a module's UART on their way to the air: collected into packets, and kept until the radio takes them.
 *
 * A packet is closed when it fills a notification, or when the UART paused (`close`). There is no flow control towards
 * the UART: what comes while the buffer is full is lost, the newest bytes first, and counted.
 */

export class AirBuffer {
  /** Bytes that found no room. */
  lost = 0;

  private readonly limit: number;
  private readonly packets: Uint8Array[] = [];
  private open: number[] = [];
  private queued = 0;
  private room: number;

  /**
   * @param limit bytes that may wait
   * @param room bytes of a notification
   */
  constructor(limit: number, room: number) {
    this.limit = limit;
    this.room = room;
  }

  /** Bytes that wait, in closed packets and in the open one. */
  get waiting(): number {
    return this.queued + this.open.length;
  }

  /** Bytes of the packet that is being filled. */
  get collecting(): number {
    return this.open.length;
  }

  /** Size of a notification from now on; what is closed already is cut when it is taken. */
  setRoom(room: number): void {
    this.room = room;
    if (this.open.length >= room) this.close();
  }

  /** False when the byte was lost. */
  push(byte: number): boolean {
    if (this.waiting >= this.limit) {
      this.lost++;
      return false;
    }
    this.open.push(byte);
    if (this.open.length >= this.room) this.close();
    return true;
  }

  /** The UART paused: what has been collected is a packet. */
  close(): void {
    if (this.open.length === 0) return;
    this.packets.push(Uint8Array.from(this.open));
    this.queued += this.open.length;
    this.open = [];
  }

  /** The next packet that fits a notification; it stays until `shift`. */
  first(): Uint8Array | undefined {
    return this.packets[0]?.subarray(0, this.room);
  }

  /** What `first` gave is gone. */
  shift(): void {
    const head = this.packets[0];
    if (head === undefined) return;
    const sent = Math.min(head.length, this.room);
    this.queued -= sent;
    if (sent === head.length) this.packets.shift();
    else this.packets[0] = head.subarray(sent);
  }

  /** Forgets everything; returns how many bytes that were. */
  clear(): number {
    const forgotten = this.waiting;
    this.packets.length = 0;
    this.open = [];
    this.queued = 0;
    return forgotten;
  }
}
