'use strict';

const { classes } = require('./lib/errors.js');
const { setLogListener } = require('./lib/log.js');
const { version, abiVersion } = require('./lib/native.js');
const { Response } = require('./lib/response.js');
const { Router } = require('./lib/router.js');
const { ChatStream } = require('./lib/stream.js');

module.exports = { Router, Response, ChatStream, setLogListener, version, abiVersion, ...classes };
