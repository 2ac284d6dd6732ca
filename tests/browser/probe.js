// Runs in every frame of a page under test. Reads the numbers of camera pictures (tests/browser/camera.py) where they go to the
// server and where they come back, on one clock. getStats' frame rates are no evidence: count different numbers instead.
(() => {
  if (window.__probe) return;
  const CELLS = 16;
  const probe = window.__probe = {
    local: [],                 // [milliseconds, number] of each camera picture
    remote: [],                // [milliseconds, number, width, height] of each shown picture; -1 where none can be read
    kept: [],                  // [number, JPEG as a data URL] of a shown picture now and then
    keepEvery: 0,              // milliseconds between those; 0 for none
    share: 1,                  // part of the shown picture, from the left, that is the camera's
    errors: [],
  };
  // the strip of a picture, number -1 where it cannot be read; read from the right as well, as in a mirror
  const reader = () => {
    const canvas = new OffscreenCanvas(CELLS * 4, 4), pen = canvas.getContext('2d', {willReadFrequently: true});
    const decode = levels => {
      const bits = levels.map(level => level > 128 ? 1 : 0);
      let number = 0, parity = 0;
      for (let k = 2; k < 14; k++) { number = number * 2 + bits[k]; parity ^= bits[k]; }
      const sure = bits[0] === 1 && bits[1] === 0 && bits[15] === 0 && bits[14] === parity && levels[0] - levels[1] > 80;
      return sure ? number : -1;
    };
    return (source, width, height) => {
      pen.drawImage(source, 0, height * (480 - 26) / 480, width, height * 20 / 480, 0, 0, CELLS * 4, 4);
      const data = pen.getImageData(0, 0, CELLS * 4, 4).data, levels = [];
      for (let k = 0; k < CELLS; k++) {
        let sum = 0;
        for (const x of [1, 2]) for (const y of [1, 2]) { const at = 4 * (y * CELLS * 4 + k * 4 + x); sum += data[at] + data[at + 1] + data[at + 2]; }
        levels.push(sum / 12);
      }
      const number = decode(levels);
      return number >= 0 ? number : decode(levels.reverse());
    };
  };
  const watchCamera = async stream => {
    try {
      const track = stream.getVideoTracks()[0].clone(), read = reader();
      const frames = new MediaStreamTrackProcessor({track}).readable.getReader();
      for (;;) {
        const {value: frame, done} = await frames.read();
        if (done) break;
        probe.local.push([performance.now(), read(frame, frame.displayWidth, frame.displayHeight)]);
        frame.close();
      }
    } catch (error) { probe.errors.push('camera: ' + error); }
  };
  const keep = (video, number, now) => {
    const last = probe.kept.at(-1);
    if (!probe.keepEvery || number < 0 || (last && now - last[2] < probe.keepEvery)) return;
    const canvas = Object.assign(document.createElement('canvas'), {width: video.videoWidth, height: video.videoHeight});
    canvas.getContext('2d').drawImage(video, 0, 0);
    probe.kept.push([number, canvas.toDataURL('image/jpeg', 0.95), now]);
  };
  const watchShown = video => {
    if (video.__watched) return;
    video.__watched = true;
    const read = reader();
    const look = () => {
      try {
        const now = performance.now(), number = read(video, video.videoWidth * probe.share, video.videoHeight);
        probe.remote.push([now, number, video.videoWidth, video.videoHeight]);
        keep(video, number, now);
      } catch (error) { probe.errors.push('shown: ' + error); }
      video.requestVideoFrameCallback(look);
    };
    video.requestVideoFrameCallback(look);
  };
  setInterval(() => document.querySelectorAll('video').forEach(video => {
    if (video.srcObject && video.srcObject !== probe.camera) watchShown(video);
  }), 50);
  const devices = navigator.mediaDevices;
  if (devices && devices.getUserMedia) {
    const ask = devices.getUserMedia.bind(devices);
    devices.getUserMedia = async wanted => {
      const stream = await ask(wanted);
      probe.camera = stream;
      if (stream.getVideoTracks().length) watchCamera(stream);
      return stream;
    };
  }
})();
