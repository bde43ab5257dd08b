/**
 * The version of the contract with subscribers: topics, events and their keys. Semantic: a key or an event that is added
 * makes it minor, whatever could break a subscriber major. A test compares what is published with what this version
 * promised, so a contract cannot change by accident.
 */
export const CONTRACT_VERSION = '1.1.0'
