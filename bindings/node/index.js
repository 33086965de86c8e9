'use strict';

const { classes } = require('./lib/errors.js');
const { setLogListener } = require('./lib/log.js');
const { version, abiVersion } = require('./lib/native.js');
const { Answer, EmbeddingResponse, Response } = require('./lib/response.js');
const { Router } = require('./lib/router.js');
const { ChatStream, EventStream } = require('./lib/stream.js');

module.exports = {
  Router,
  Answer,
  Response,
  EmbeddingResponse,
  ChatStream,
  EventStream,
  setLogListener,
  version,
  abiVersion,
  ...classes,
};
